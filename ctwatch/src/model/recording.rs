//! A recording as analyses read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    counters::Counters,
    dump::Dump,
    endpoint::Endpoint,
    event::Event,
    gap::Gap,
    ledger::Ledger,
    lifetime::Lifetimes,
    node::Node,
    sample::{Losses, Sample},
    table::Table,
    unobserved::Unobserved,
};

/// How events were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Probes on kernel functions by kprobe and kretprobe.
    Kprobe,
    /// Probes by fentry and fexit.
    Fentry,
    /// ctnetlink events.
    Netlink,
    /// Dumps only.
    Dump,
}

impl Backend {
    /// Whether it counts whatever happens to a table, so that its figures stand for the whole of it. Others see less
    /// than the kernel's own counters do.
    #[must_use]
    pub fn sees_whole_tables(self) -> bool {
        matches!(self, Self::Kprobe | Self::Fentry)
    }
}

/// What is known before the first sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// ctwatch's version that wrote it.
    pub version: String,
    /// When watching began, Unix time in milliseconds.
    pub started_ms: i64,
    /// Interval between samples in milliseconds.
    pub interval_ms: u64,
    /// How events were seen.
    pub backend: Backend,
    /// What this recording cannot tell and why, for people.
    pub degraded: Vec<String>,
    /// Counters that the source does not see: their zeros mean nothing.
    pub unobserved: Unobserved,
}

/// Everything a recording holds, samples in order of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Header.
    pub header: Header,
    /// Node.
    pub node: Node,
    /// Samples.
    pub samples: Vec<Sample>,
    /// Dumps, in order of time.
    pub dumps: Vec<Dump>,
    /// Lifetimes at the busier endpoints, as of the last time they were written.
    pub lifetimes: BTreeMap<Endpoint, Lifetimes>,
    /// A bounded sample of the connections that were refused or evicted, in the order they were written, without
    /// their packets.
    pub events: Vec<Event>,
    /// When nothing was watched, in order of time.
    pub gaps: Vec<Gap>,
    /// When the recording ended in order, Unix time in milliseconds; `None` when it was cut off.
    pub ended_ms: Option<i64>,
    /// The books as the recorder closed them; `None` when it was cut off, or is of a version that kept fewer figures
    /// (`analysis::ledger` makes them anew).
    pub ledger: Option<Ledger>,
}

/// A node at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// ctwatch's version that looked.
    pub version: String,
    /// When, in Unix time in milliseconds.
    pub at_ms: i64,
    /// The node, as far as it is known.
    pub node: Node,
    /// Its tables.
    pub tables: Vec<Table>,
    /// What was in them.
    pub dumps: Vec<Dump>,
    /// What cannot be told and why, for people.
    pub degraded: Vec<String>,
}

impl Recording {
    /// A recording without length: levels are known, and nothing that happened.
    #[must_use]
    pub fn of(moment: Moment) -> Self {
        let sample = Sample {
            at_ms: moment.at_ms,
            elapsed_ms: 0,
            deltas: Vec::new(),
            unattributed: Counters::default(),
            evictions: Vec::new(),
            tables: moment.tables,
            losses: Losses::default(),
        };
        Self {
            header: Header {
                version: moment.version,
                started_ms: moment.at_ms,
                interval_ms: 0,
                backend: Backend::Dump,
                degraded: moment.degraded,
                unobserved: Unobserved::of(Backend::Dump, false),
            },
            node: moment.node,
            samples: vec![sample],
            dumps: moment.dumps,
            lifetimes: BTreeMap::new(),
            events: Vec::new(),
            gaps: Vec::new(),
            ended_ms: Some(moment.at_ms),
            ledger: None,
        }
    }
}
