//! What ctwatch's kernel programs and its userspace say to each other: keys, counter slots, events, causes and the
//! kernel's layout, as plain integers and byte arrays with explicit padding.
//!
//! Both sides compile this crate, so a change here asks for a new kernel object (`cargo xtask bpf`).

#![no_std]

pub mod caller;
pub mod cause;
pub mod endpoint;
pub mod event;
pub mod layout;
pub mod limits;
pub mod loss;
pub mod refused;
pub mod shared;
pub mod slot;
pub mod tcp;
