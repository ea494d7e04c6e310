//! Refused and evicted connections, one by one: what is known of each beside the event itself, and how many of them
//! were shown.

use std::time::Duration;

use crate::model::{
    counters::Counters,
    event::{Event, Reason},
    ledger::Ledger,
    recording::Backend,
    table::Table,
};

mod headers;
mod tally;

pub use headers::Headers;
pub use tally::{Row, Tally};

/// Entries in a table, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// `nf_conntrack_count`
    pub count: u64,
    /// `nf_conntrack_max`; 0 is unlimited before Linux 7.
    pub max: u64,
}

impl Fill {
    /// That of a table, where both could be read.
    #[must_use]
    pub fn of(table: &Table) -> Option<Self> {
        let (count, max) = table.count.zip(table.max)?;
        Some(Self { count, max })
    }

    /// How much of the table is taken; `None` without a limit.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.max > 0).then(|| self.count as f64 / self.max as f64)
    }
}

/// An event, and what is known beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The event.
    pub event: Event,
    /// Its namespace's name under /run/netns.
    pub netns_name: Option<String>,
    /// Of an eviction in the background: the table's fill at the last sample.
    pub fill: Option<Fill>,
    /// What the packet's headers say, where it was kept.
    pub headers: Option<Headers>,
}

impl Explained {
    /// Puts beside an event what is known of its namespace.
    #[must_use]
    pub fn new(event: Event, netns_name: Option<String>, fill: Option<Fill>) -> Self {
        Self {
            headers: event.packet.as_ref().and_then(Headers::of),
            fill: fill.filter(|_| event.reason == Reason::GcEviction),
            netns_name,
            event,
        }
    }
}

/// What was watched, however much of it was shown.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How events were seen.
    pub backend: Backend,
    /// How long.
    pub elapsed: Duration,
    /// On all ports of all namespaces.
    pub counted: Counters,
    /// The books.
    pub ledger: Ledger,
    /// What cannot be told and why.
    pub degraded: Vec<String>,
}

/// What is said at the end.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was watched.
    pub watched: Watched,
    /// By reason, those that occurred.
    pub rows: Vec<Row>,
    /// Lines that were written.
    pub shown: u64,
    /// Events that came after the last line: the limit was reached, or nobody read any more.
    pub left_out: u64,
    /// Events that the kernel side's rate limit left out.
    pub suppressed: u64,
    /// Events that did not fit into the ring buffer.
    pub lost: u64,
    /// Packets written to a file.
    pub packets: Option<Packets>,
}

/// What went into a file of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packets {
    /// The file.
    pub file: String,
    /// Packets in it.
    pub written: u64,
    /// Events shown that had no packet.
    pub without: u64,
}
