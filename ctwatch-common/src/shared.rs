//! State that all CPUs and userspace share.

use bytemuck::{Pod, Zeroable};

/// One record, mapped.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Shared {
    /// One bit for each own address ([`crate::endpoint::filter_bit`]): a bit that is not set proves an address
    /// foreign without a look-up.
    pub local_filter: u64,
    /// `jiffies_64` at the first event; ages count from here. 0 before it.
    pub origin_jiffies: u64,
    /// `CLOCK_MONOTONIC` at that event, in nanoseconds.
    pub origin_ns: u64,
    /// Causes waiting in the pending map: while none does, an end needs no look-up.
    pub pending: u64,
}
