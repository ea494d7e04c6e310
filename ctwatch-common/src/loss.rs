//! What the kernel side could not attribute or keep, one record a CPU.

use bytemuck::{Pod, Zeroable};

/// Counters that only grow and wrap; all zero on a quiet node.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Losses {
    /// Events counted in slot 0 because no endpoint slot was left.
    pub unattributed: u32,
    /// Refused connections whose tuple was out of reach; they are counted in slot 0.
    pub refused_unattributed: u32,
    /// Refusals of entries that userspace wanted to make (ctnetlink); the kernel's `drop` leaves them out.
    pub refused_ctnetlink: u32,
    /// Ends whose cause found no room to wait in; counted as other.
    pub cause_lost: u32,
    /// Entries that two callers of `nf_ct_delete` ended at once: they are counted once, with the cause of either.
    pub cause_raced: u32,
    /// Reads of kernel memory that failed.
    pub unreadable: u32,
    /// Returns of a probed function whose entry was not seen.
    pub unpaired: u32,
    /// Next slot of this CPU's current run.
    pub run_next: u32,
    /// First slot after this CPU's current run.
    pub run_end: u32,
    /// Events that the rate limit left out of the ring buffer; they are counted elsewhere, as all are.
    pub events_suppressed: u32,
    /// Events that found no room in the ring buffer, likewise.
    pub events_lost: u32,
    /// Evictions counted without their newcomer's endpoint, for want of room.
    pub pairs_lost: u32,
    /// Packets of events that were not within reach, or found no room.
    pub packets_lost: u32,
    /// A random number of whichever program on this CPU last asked for a slot.
    pub claim: u32,
    /// Counts in [`Cold`](crate::slot::Cold) with which none in [`Hot`](crate::slot::Hot) goes along, noted after them:
    /// while this stands still, who did not move in `Hot` did not move. No loss, but it lies well here.
    pub cold_alone: u32,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Losses>() == 64);
