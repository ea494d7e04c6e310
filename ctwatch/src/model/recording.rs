//! A recording as analyses read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    dump::Dump, endpoint::Endpoint, event::Event, gap::Gap, ledger::Ledger, lifetime::Lifetimes,
    node::Node, sample::Sample, unobserved::Unobserved,
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
