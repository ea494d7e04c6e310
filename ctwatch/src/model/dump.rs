//! A dump of the table, boiled down to what reports and advice need.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    endpoint::{Endpoint, Netns},
    left::TimeLeft,
    states::StateCounts,
    translated::TranslatedEntries,
};

/// When in a recording a dump was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DumpKind {
    /// Right after the probes were attached.
    Baseline,
    /// In between.
    Periodic,
    /// At the end.
    Final,
}

/// One namespace's table at one time, aggregated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dump {
    /// Namespace.
    pub netns: Netns,
    /// Start of the dump, Unix time in milliseconds.
    pub at_ms: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Kind.
    pub kind: DumpKind,
    /// Entries seen.
    pub entries: u64,
    /// By endpoint, every one that had an entry.
    pub endpoints: BTreeMap<Endpoint, EndpointDump>,
    /// Clients (source of the original direction) with the most entries, most first, at most
    /// [`Dump::MAX_CLIENTS`].
    pub clients: Vec<ClientDump>,
    /// Distinct clients in the whole dump.
    pub distinct_clients: u64,
    /// How much time entries have left, by protocol, stage and time; of a recording's earlier dumps it is not kept.
    #[serde(default)]
    pub left: Vec<TimeLeft>,
    /// Where translated destinations lead, most entries first, at most [`Dump::MAX_TRANSLATED`]; of a recording's earlier
    /// dumps it is not kept.
    #[serde(default)]
    pub translated: Vec<TranslatedEntries>,
}

impl Dump {
    /// Clients kept by name.
    pub const MAX_CLIENTS: usize = 1_000;
    /// Pairs of service and backend kept.
    pub const MAX_TRANSLATED: usize = 1_000;
}

/// What a dump says of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointDump {
    /// Entries.
    pub entries: u64,
    /// Entries by state name; entries of protocols without states are under `REPLIED` and `UNREPLIED`.
    pub states: StateCounts,
    /// Distinct source addresses.
    pub clients: u64,
    /// Entries that never saw a reply.
    pub unreplied: u64,
    /// What would make NOTRACK unsafe, each with how many entries show it and one of them as proof.
    pub findings: BTreeMap<Finding, Evidence>,
}

/// Something seen in an entry that needs tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// `IPS_DST_NAT`, or the reply does not come from the address and port the client spoke to.
    DnatObserved,
    /// `IPS_SRC_NAT`, or the reply does not go to the client's address and port.
    SnatObserved,
    /// A helper is attached.
    Helper,
    /// The entry was expected by, or has, a master.
    Expectation,
    /// A connmark is set.
    Connmark,
    /// A connlabel is set.
    Connlabel,
    /// A zone other than 0.
    CtZone,
    /// `IPS_SEQ_ADJUST`.
    SeqAdjust,
    /// `IPS_OFFLOAD`: a flowtable carries it.
    Flowtable,
}

/// Proof of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Entries that show it.
    pub entries: u64,
    /// One of them, as `conntrack -L` prints it.
    pub example: String,
}

/// One client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDump {
    /// Source address of the original direction.
    pub address: IpAddr,
    /// Its entries.
    pub entries: u64,
    /// Of them, those that never saw a reply.
    pub unreplied: u64,
    /// Distinct endpoints it uses.
    pub endpoints: u64,
}
