//! One sample: what happened since the one before.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{counters::Counters, endpoint::Endpoint, event::Eviction, table::Table};

/// What the source says it lost since the sample before; every figure is exact, also when it is 0. Sources differ:
/// what one of them cannot lose is 0, or `None` where that would read as a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Probe hits the kernel skipped (recursion, missed kretprobes); `None` where this kernel does not tell.
    pub probe_misses: Option<u64>,
    /// Events counted under no endpoint because all slots were in use.
    pub unattributed: u64,
    /// Refused connections whose tuple was out of reach.
    pub refused_unattributed: u64,
    /// Refusals of entries that userspace wanted to make; the kernel's `drop` leaves them out.
    pub refused_ctnetlink: u64,
    /// Ends whose cause was lost and that are counted as other.
    pub cause_lost: u64,
    /// Entries that two callers ended at once; counted once, with the cause of either.
    pub cause_raced: u64,
    /// Reads of kernel memory that failed.
    pub unreadable: u64,
    /// Returns of a probed function whose entry was not seen.
    pub unpaired: u64,
    /// ctnetlink events that the kernel dropped because our socket was full; `None` for sources without events.
    pub events_lost: Option<u64>,
    /// Inserts without an event that a dump brought to light, counted under their endpoint.
    pub resynced_inserted: u64,
    /// Ends without an event that a dump brought to light, counted under their endpoint with cause other.
    pub resynced_ended: u64,
    /// Events (docs/drops.md) that the kernel side's rate limit left out; they are counted all the same.
    pub events_suppressed: u64,
    /// Events that did not fit into the ring buffer, likewise.
    pub ring_lost: u64,
    /// Evictions counted without the newcomer's endpoint, for want of room.
    pub pairs_lost: u64,
}

impl AddAssign for Losses {
    /// A total is known only where both know theirs.
    fn add_assign(&mut self, more: Self) {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(sum, more)| sum + more);
        self.probe_misses = both(self.probe_misses, more.probe_misses);
        self.events_lost = both(self.events_lost, more.events_lost);
        self.resynced_inserted += more.resynced_inserted;
        self.resynced_ended += more.resynced_ended;
        self.unattributed += more.unattributed;
        self.refused_unattributed += more.refused_unattributed;
        self.refused_ctnetlink += more.refused_ctnetlink;
        self.cause_lost += more.cause_lost;
        self.cause_raced += more.cause_raced;
        self.unreadable += more.unreadable;
        self.unpaired += more.unpaired;
        self.events_suppressed += more.events_suppressed;
        self.ring_lost += more.ring_lost;
        self.pairs_lost += more.pairs_lost;
    }
}

/// Everything since the sample before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// Time since watching began, in milliseconds, from a clock that does not jump.
    pub elapsed_ms: u64,
    /// Endpoints at which something happened, with what.
    pub deltas: Vec<(Endpoint, Counters)>,
    /// Counted but not attributed to an endpoint.
    pub unattributed: Counters,
    /// Who was evicted for whom.
    pub evictions: Vec<Eviction>,
    /// Tables of all namespaces that can be seen.
    pub tables: Vec<Table>,
    /// Losses.
    pub losses: Losses,
}

impl Sample {
    /// What happened at all endpoints, and under none.
    pub fn all(&self) -> impl Iterator<Item = &Counters> {
        let deltas = self.deltas.iter().map(|(_, counters)| counters);
        deltas.chain([&self.unattributed])
    }
}
