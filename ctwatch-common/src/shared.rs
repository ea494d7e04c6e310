//! State that all CPUs and userspace share.

use bytemuck::{Pod, Zeroable};

/// One record, mapped, written by the kernel side alone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Shared {
    /// `jiffies_64` at the first event, 0 before it.
    pub origin_jiffies: u64,
    /// `CLOCK_MONOTONIC` at that event, in nanoseconds.
    pub origin_ns: u64,
    /// Causes waiting in the pending map: while none does, an end needs no look-up.
    pub pending: u64,
    /// Zero.
    pub pad: u64,
}
