//! What a listing of the table holds: ports, states, clients, translations, idle times. docs/inspect.md tells how
//! figures come about.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{
    aggregate::{Aggregator, Busiest},
    bounded::Bounded,
    classify::LocalAddresses,
    dump::ClientDump,
    endpoint::{Family, Netns},
    entry::Entry,
    listed::Listed,
    listing::Listing,
    status,
};

mod explain;
mod nat;
mod ports;
mod rest;
mod states;
#[cfg(test)]
mod tests;

use nat::Translations;

pub use crate::model::stage::Stage;
pub use explain::{Explained, Peer, explain};
pub use nat::{Backend, Nat, TranslatedSource};
pub use ports::PortRow;
pub use rest::{Basis, Times};
pub use states::StateRow;

/// A listing does not say which namespace it is of.
pub const NO_NETNS: Netns = Netns {
    cookie: 0,
    inode: 0,
};

/// Entries that are looked at, and what is known of the node.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The node's own addresses; without them no entry's role is known.
    pub local: Option<LocalAddresses>,
    /// Settings of the node by dotted name; without them timeouts are the kernel's defaults.
    pub sysctls: Option<BTreeMap<String, String>>,
    /// Only entries with this service port.
    pub port: Option<u16>,
    /// Rows of each list.
    pub top: usize,
}

impl Options {
    /// Whether an entry is looked at.
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        self.port.is_none_or(|port| {
            entry.protocol.has_ports() && entry.original.destination_port == port
        })
    }
}

/// What one thread has counted.
#[derive(Debug)]
pub struct Tally {
    port: Option<u16>,
    aggregator: Aggregator,
    translations: Translations,
    ipv6: u64,
    offloaded: u64,
    offloaded_to_hardware: u64,
    expected: u64,
    labelled: u64,
    zones: Bounded<u16>,
    marks: Bounded<u32>,
    helpers: BTreeMap<String, u64>,
}

/// A value with the entries that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted<T> {
    /// The value.
    pub value: T,
    /// Entries.
    pub entries: u64,
}

/// Clients: sources of the original direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clients {
    /// Distinct addresses.
    pub distinct: u64,
    /// Those with most entries.
    pub top: Vec<ClientDump>,
}

/// What only some entries have; each list most entries first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Features {
    /// Entries that a flowtable carries, the network card's included.
    pub offloaded: u64,
    /// Of them, those that the network card carries.
    pub offloaded_to_hardware: u64,
    /// Entries with a security mark; in the form `save` those that were expected, too.
    pub expected: u64,
    /// Entries with connlabels.
    pub labelled: u64,
    /// Zones other than 0.
    pub zones: Vec<Counted<u16>>,
    /// Marks other than 0.
    pub marks: Vec<Counted<u32>>,
    /// Marks told apart.
    pub distinct_marks: u64,
    /// Helpers by name.
    pub helpers: Vec<Counted<String>>,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// What reading was like.
    pub listing: Listing,
    /// The port that was asked for.
    pub port: Option<u16>,
    /// Entries looked at: those of that port, else all.
    pub entries: u64,
    /// Of them, IPv6.
    pub ipv6: u64,
    /// Of them, those that never saw a reply.
    pub unreplied: u64,
    /// Whether the node's own addresses were given.
    pub addresses_known: bool,
    /// Ports with the most entries.
    pub ports: Vec<PortRow>,
    /// Ports in all.
    pub distinct_ports: u64,
    /// Every protocol's states, most entries first.
    pub states: Vec<StateRow>,
    /// Clients.
    pub clients: Clients,
    /// Translations.
    pub nat: Nat,
    /// What only some entries have.
    pub features: Features,
}

impl Tally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            port: options.port,
            aggregator: Aggregator::new(NO_NETNS, options.local.clone()).without_findings(),
            translations: Translations::default(),
            ipv6: 0,
            offloaded: 0,
            offloaded_to_hardware: 0,
            expected: 0,
            labelled: 0,
            zones: Bounded::default(),
            marks: Bounded::default(),
            helpers: BTreeMap::new(),
        }
    }

    /// Counts an entry that the options want.
    pub fn add(&mut self, listed: &Listed) {
        let entry = &listed.entry;
        self.aggregator.add(entry);
        self.translations.add(entry);
        self.ipv6 += u64::from(entry.family == Family::Ipv6);
        self.offloaded += u64::from(entry.has(status::OFFLOAD));
        self.offloaded_to_hardware += u64::from(entry.has(status::HW_OFFLOAD));
        self.expected += u64::from(entry.expected || entry.has(status::EXPECTED));
        self.labelled += u64::from(entry.labelled);
        if entry.zone != 0 {
            self.zones.add(entry.zone, 1);
        }
        if entry.mark != 0 {
            self.marks.add(entry.mark, 1);
        }
        if let Some(helper) = &entry.helper {
            self.add_helper(helper.clone(), 1);
        }
    }

    /// The kernel has a dozen helpers; a listing may have any names.
    fn add_helper(&mut self, helper: String, entries: u64) {
        const MAX: usize = 256;
        let helper = if self.helpers.len() < MAX || self.helpers.contains_key(&helper) {
            helper
        } else {
            "others".to_owned()
        };
        *self.helpers.entry(helper).or_default() += entries;
    }

    /// Nothing more comes: does what need not wait for the others.
    pub fn settle(&mut self) {
        self.aggregator.settle();
    }

    /// Takes over what another thread has counted.
    pub fn merge(&mut self, other: Self) {
        self.aggregator.merge(other.aggregator);
        self.translations.merge(other.translations);
        self.ipv6 += other.ipv6;
        self.offloaded += other.offloaded;
        self.offloaded_to_hardware += other.offloaded_to_hardware;
        self.expected += other.expected;
        self.labelled += other.labelled;
        self.zones.merge(other.zones);
        self.marks.merge(other.marks);
        for (helper, entries) in other.helpers {
            self.add_helper(helper, entries);
        }
    }

    /// All that was counted of a listing.
    #[must_use]
    pub fn finish(self, listing: Listing, options: &Options) -> Inspection {
        let top = options.top;
        let busiest = self.aggregator.busiest(top);
        let nat = self.translations.nat(&busiest.translated, top);
        let helpers = self.helpers.into_iter().collect();
        let features = Features {
            offloaded: self.offloaded,
            offloaded_to_hardware: self.offloaded_to_hardware,
            expected: self.expected,
            labelled: self.labelled,
            zones: counted(self.zones.top(top)),
            distinct_marks: self.marks.len(),
            marks: counted(self.marks.top(top)),
            helpers: most_first(helpers, top),
        };
        Inspection {
            listing,
            port: self.port,
            entries: busiest.entries,
            ipv6: self.ipv6,
            unreplied: busiest.unreplied,
            addresses_known: options.local.is_some(),
            ports: ports::ports(&busiest),
            distinct_ports: busiest.distinct_endpoints,
            states: states::states(&busiest.left, busiest.entries, options.sysctls.as_ref()),
            clients: clients(busiest, top),
            nat,
            features,
        }
    }
}

fn clients(busiest: Busiest, top: usize) -> Clients {
    let mut clients = busiest.clients;
    clients.truncate(top);
    Clients {
        distinct: busiest.distinct_clients,
        top: clients,
    }
}

fn most_first(mut all: Vec<(String, u64)>, top: usize) -> Vec<Counted<String>> {
    all.sort_by_key(|(_, entries)| std::cmp::Reverse(*entries));
    all.truncate(top);
    counted(all)
}

fn counted<T>(all: Vec<(T, u64)>) -> Vec<Counted<T>> {
    let told = |(value, entries)| Counted { value, entries };
    all.into_iter().map(told).collect()
}
