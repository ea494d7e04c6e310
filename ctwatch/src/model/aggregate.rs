//! Boils the entries of a table down to a [`Dump`], one entry at a time.
//!
//! Distinct clients are counted exactly, yet cheaply: each entry leaves one record of client and endpoint (8 bytes
//! for IPv4, 20 for IPv6), and sorting these at the end tells what is distinct. A million entries take 8 MB or
//! 20 MB so, where hash sets of addresses would take several times as much and be slower.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::IpAddr,
};

use indexmap::IndexMap;

use super::{
    classify::{LocalAddresses, classify},
    dump::{ClientDump, Dump, DumpKind, EndpointDump, Evidence, Finding},
    endpoint::{Endpoint, Netns},
    entry::{Entry, State},
    states::StateCounts,
    status,
};

/// Takes the entries of one namespace's table.
#[derive(Debug)]
pub struct Aggregator {
    netns: Netns,
    local: Option<LocalAddresses>,
    entries: u64,
    endpoints: IndexMap<Endpoint, Totals>,
    ipv4: Vec<Use<[u8; 4]>>,
    ipv6: Vec<Use<[u8; 16]>>,
}

/// One entry, as far as clients are concerned.
#[derive(Clone, Copy, Debug)]
struct Use<A> {
    client: A,
    endpoint: u32,
}

/// How many sums are made into a dump before their memory is given back.
const SHRINK_EVERY: usize = 8_192;

/// In [`Use::endpoint`]: the entry never saw a reply. There are never 2³¹ endpoints.
const UNREPLIED: u32 = 1 << 31;

/// One endpoint's sums.
#[derive(Debug)]
struct Totals {
    entries: u64,
    unreplied: u64,
    stateless_replied: u32,
    stateless_unreplied: u32,
    states: [u32; State::NAMES.len()],
    clients: u64,
    findings: BTreeMap<Finding, Evidence>,
}

impl Aggregator {
    /// For a namespace with these own addresses; `None` where they are unknown.
    #[must_use]
    pub fn new(netns: Netns, local: Option<LocalAddresses>) -> Self {
        Self {
            netns,
            local,
            entries: 0,
            endpoints: IndexMap::new(),
            ipv4: Vec::new(),
            ipv6: Vec::new(),
        }
    }

    /// Counts one entry.
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let endpoint = classify(
            self.netns,
            entry.family,
            entry.protocol,
            &entry.original,
            self.local.as_ref(),
        );
        let slot = self.endpoints.entry(endpoint);
        let number = slot.index() as u32;
        slot.or_insert_with(Totals::new).add(entry);
        let endpoint = number | if entry.is_replied() { 0 } else { UNREPLIED };
        match entry.original.source {
            IpAddr::V4(client) => self.ipv4.push(Use {
                client: client.octets(),
                endpoint,
            }),
            IpAddr::V6(client) => self.ipv6.push(Use {
                client: client.octets(),
                endpoint,
            }),
        }
    }

    /// The sums, of a dump that began at `at_ms` (Unix time in milliseconds) and took `took_ms`.
    #[must_use]
    pub fn finish(mut self, at_ms: i64, took_ms: u64, kind: DumpKind) -> Dump {
        let mut clients = Clients::default();
        count_clients(self.ipv4, &mut self.endpoints, &mut clients);
        count_clients(self.ipv6, &mut self.endpoints, &mut clients);
        // Taken from the end, so that what was made into a dump no longer takes memory as sums.
        let mut endpoints = BTreeMap::new();
        while let Some((endpoint, totals)) = self.endpoints.pop() {
            endpoints.insert(endpoint, totals.into_dump());
            if self.endpoints.len().is_multiple_of(SHRINK_EVERY) {
                self.endpoints.shrink_to_fit();
            }
        }
        Dump {
            netns: self.netns,
            at_ms,
            took_ms,
            kind,
            entries: self.entries,
            endpoints,
            distinct_clients: clients.distinct,
            clients: clients.into_top(),
        }
    }
}

impl Totals {
    fn new() -> Self {
        Self {
            entries: 0,
            unreplied: 0,
            stateless_replied: 0,
            stateless_unreplied: 0,
            states: [0; State::NAMES.len()],
            clients: 0,
            findings: BTreeMap::new(),
        }
    }

    fn add(&mut self, entry: &Entry) {
        let replied = entry.is_replied();
        self.entries += 1;
        self.unreplied += u64::from(!replied);
        let state = entry
            .state
            .and_then(|state| self.states.get_mut(usize::from(state.0)));
        match state {
            Some(count) => *count += 1,
            None if replied => self.stateless_replied += 1,
            None => self.stateless_unreplied += 1,
        }
        for finding in findings(entry) {
            let evidence = self.findings.entry(finding).or_default();
            evidence.entries += 1;
            if evidence.example.is_empty() {
                evidence.example = entry.to_string();
            }
        }
    }

    fn into_dump(self) -> EndpointDump {
        let stateless = [
            (StateCounts::REPLIED, self.stateless_replied),
            (StateCounts::UNREPLIED, self.stateless_unreplied),
        ];
        let states = State::NAMES
            .into_iter()
            .zip(self.states)
            .chain(stateless)
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name, u64::from(count)))
            .collect();
        EndpointDump {
            entries: self.entries,
            states,
            clients: self.clients,
            unreplied: self.unreplied,
            findings: self.findings,
        }
    }
}

/// What in this entry needs tracking.
fn findings(entry: &Entry) -> impl Iterator<Item = Finding> {
    [
        (Finding::DnatObserved, entry.is_destination_translated()),
        (Finding::SnatObserved, entry.is_source_translated()),
        (
            Finding::Helper,
            entry.helper.is_some() || entry.has(status::HELPER),
        ),
        (
            Finding::Expectation,
            entry.expected || entry.has(status::EXPECTED),
        ),
        (Finding::Connmark, entry.mark != 0),
        (Finding::Connlabel, entry.labelled),
        (Finding::CtZone, entry.zone != 0),
        (Finding::SeqAdjust, entry.has(status::SEQ_ADJUST)),
        (
            Finding::Flowtable,
            entry.status & (status::OFFLOAD | status::HW_OFFLOAD) != 0,
        ),
    ]
    .into_iter()
    .filter_map(|(finding, shows)| shows.then_some(finding))
}

/// The clients with the most entries. Ordered by entries, then by address, so that equal tables give equal dumps.
#[derive(Debug, Default)]
struct Clients {
    distinct: u64,
    top: BinaryHeap<Reverse<Client>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Client {
    entries: u64,
    address: Reverse<IpAddr>,
    unreplied: u64,
    endpoints: u64,
}

impl Clients {
    fn add(&mut self, client: Client) {
        self.distinct += 1;
        self.top.push(Reverse(client));
        if self.top.len() > Dump::MAX_CLIENTS {
            self.top.pop();
        }
    }

    fn into_top(self) -> Vec<ClientDump> {
        self.top
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse(client)| ClientDump {
                address: client.address.0,
                entries: client.entries,
                unreplied: client.unreplied,
                endpoints: client.endpoints,
            })
            .collect()
    }
}

/// Counts one family's clients, and each endpoint's.
fn count_clients<A: Copy + Ord + Into<IpAddr>>(
    mut uses: Vec<Use<A>>,
    endpoints: &mut IndexMap<Endpoint, Totals>,
    clients: &mut Clients,
) {
    // The flag would come first in the order and tear an endpoint's records apart.
    uses.sort_unstable_by_key(|record| (record.client, record.endpoint & !UNREPLIED));
    for records in uses.chunk_by(|a, b| a.client == b.client) {
        let Some(first) = records.first() else {
            continue;
        };
        let mut client = Client {
            entries: records.len() as u64,
            address: Reverse(first.client.into()),
            unreplied: 0,
            endpoints: 0,
        };
        let mut before = None;
        for record in records {
            client.unreplied += u64::from(record.endpoint & UNREPLIED != 0);
            let number = record.endpoint & !UNREPLIED;
            if before != Some(number) {
                before = Some(number);
                client.endpoints += 1;
                if let Some((_, totals)) = endpoints.get_index_mut(number as usize) {
                    totals.clients += 1;
                }
            }
        }
        clients.add(client);
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
