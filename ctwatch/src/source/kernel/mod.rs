//! Watching with eBPF programs on nf_conntrack.
//!
//! [`kallsyms`] and [`btf`] look the kernel up, [`hooks`] and [`layout`] plan, [`probes`] loads and attaches,
//! [`counters`] reads. While programs run, counters are read from mapped memory alone: a kprobe is skipped
//! while its CPU is inside `bpf()`. [`refusals`] is for kernels without kprobes: one program on a raw tracepoint.

mod attach;
pub mod btf;
pub mod counters;
pub mod error;
mod events;
pub mod fentry;
pub mod hooks;
pub mod kallsyms;
mod keys;
pub mod layout;
mod mapped;
mod mark;
mod misses;
mod object;
mod own_addresses;
mod pairs;
pub mod probes;
pub mod refusals;

pub use events::PACKET_PATIENCE;
