//! Counters of an endpoint, as they lie in the mapped arrays.
//!
//! Each possible CPU has its own slot for each endpoint: index `cpu * SLOTS + slot`. All counters only grow and
//! wrap; the reader adds up differences between two samples.

use bytemuck::{Pod, Zeroable};

use crate::{cause, endpoint::EndpointKey, limits, tcp};

/// What every insert and every end touches: one cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Hot {
    /// Σ end times − Σ insert times in jiffies, wrapping: with the number of entries and the time of the sample it
    /// gives entry-seconds, and so the mean lifetime (Little's law).
    pub age_jiffies: u64,
    /// Entries put into the table.
    pub inserted: u32,
    /// Entries that left it, by [`cause`].
    pub ended: [u32; cause::COUNT],
    /// New connections refused because the table was full.
    pub refused: u32,
    /// Ended entries that never saw a reply.
    pub unreplied: u32,
    /// Ended entries that were assured.
    pub assured: u32,
    /// Inserted entries whose source is translated.
    pub snat: u32,
    /// Inserted entries whose destination is translated.
    pub dnat: u32,
    /// Inserted entries with a helper.
    pub helper: u32,
}

/// What is touched less often.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Cold {
    /// TCP entries by the state they ended in ([`tcp`]).
    pub tcp_last: [u32; tcp::COUNT],
    /// Entries that could not be inserted (the kernel's `insert_failed`).
    pub insert_failed: u32,
    /// Of them, those that clashed with another, which the kernel counts as `drop` too.
    pub clash_dropped: u32,
    /// Entries that clashed with another and were merged into it (the kernel's `clash_resolve`).
    pub clash_merged: u32,
    /// Of the clashes dropped, those of translated tuples: NAT had no port left.
    pub nat_exhausted: u32,
    /// Of the entries that could not be inserted, those whose hash chain was too long (the kernel's `chaintoolong`).
    pub chain_too_long: u32,
    /// Of them, those that were deleted before their first packet had passed.
    pub dying: u32,
    /// Ended entries that a SYN reopened in TIME_WAIT or CLOSE; they are counted as reset, too.
    pub reopened: u32,
    /// SYNs that met an entry in CLOSE_WAIT, FIN_WAIT or LAST_ACK and were ignored by the tracker.
    pub syn_ignored: u32,
}

/// Which endpoint a slot belongs to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Owner {
    /// The endpoint.
    pub key: EndpointKey,
    /// `net->ns.inum` when the slot was taken.
    pub netns_inode: u32,
    /// 1 once the rest is written.
    pub taken: u32,
    /// Histogram the reader assigned, or 0 for none.
    pub histogram: u32,
    /// Zero.
    pub pad: u32,
}

/// Lifetimes of sampled entries of a busy endpoint, by [`limits::BUCKETS`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Histogram {
    /// Sampled entries by lifetime.
    pub buckets: [u32; limits::BUCKETS],
}

/// How often newcomers of one endpoint evicted entries of another, on one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Pair {
    /// Slot of the evicted entries' endpoint.
    pub victim: u32,
    /// Slot of the newcomers' endpoint; [`limits::UNATTRIBUTED`] where that was out of reach.
    pub newcomer: u32,
    /// Entries evicted; 0: this record is free. It only grows and wraps.
    pub evicted: u32,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Pair>() == 16);
const _: () = assert!(size_of::<Hot>() == 64);
const _: () = assert!(size_of::<Cold>() == 72);
const _: () = assert!(size_of::<Owner>() == 48);
