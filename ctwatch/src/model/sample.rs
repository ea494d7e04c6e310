//! One sample: what happened since the one before.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{counters::Counters, endpoint::Endpoint, table::Table};

/// What the kernel side says it lost since the sample before; every figure is exact, also when it is 0.
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
}

impl AddAssign for Losses {
    /// Misses are known only where both know them.
    fn add_assign(&mut self, more: Self) {
        self.probe_misses = self
            .probe_misses
            .zip(more.probe_misses)
            .map(|(sum, more)| sum + more);
        self.unattributed += more.unattributed;
        self.refused_unattributed += more.refused_unattributed;
        self.refused_ctnetlink += more.refused_ctnetlink;
        self.cause_lost += more.cause_lost;
        self.cause_raced += more.cause_raced;
        self.unreadable += more.unreadable;
        self.unpaired += more.unpaired;
    }
}

/// Everything since the sample before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// Time since the probes were attached, in milliseconds, from a clock that does not jump.
    pub elapsed_ms: u64,
    /// Endpoints at which something happened, with what.
    pub deltas: Vec<(Endpoint, Counters)>,
    /// Counted but not attributed to an endpoint.
    pub unattributed: Counters,
    /// Tables of all namespaces that can be seen.
    pub tables: Vec<Table>,
    /// Losses.
    pub losses: Losses,
}
