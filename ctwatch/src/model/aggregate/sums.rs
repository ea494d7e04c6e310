//! What the records of a dump add up to. They are sorted by client: so distinct clients are counted exactly, in a
//! fraction of the memory and time that sets of addresses would take.

use std::{cmp::Reverse, collections::BinaryHeap, net::IpAddr};

use super::record::{Record, Tail};
use crate::model::{
    dump::{ClientDump, Dump, EndpointDump},
    entry::State,
    states::StateCounts,
};

/// Sums over all records.
#[derive(Debug)]
pub(super) struct Sums {
    /// Entries.
    pub(super) entries: u64,
    /// Distinct clients of all endpoints together.
    pub(super) distinct_clients: u64,
    /// By the endpoint's number.
    pub(super) endpoints: Vec<Totals>,
    top: BinaryHeap<Reverse<Client>>,
}

/// One endpoint's. No table has 2³² entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    clients: u32,
    unreplied: u32,
    /// Without a state: those without a reply, those with one.
    stateless: [u32; 2],
    states: [u32; State::NAMES.len()],
}

/// Ordered by entries, then by address, so that equal tables give equal dumps.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Client {
    entries: u64,
    address: Reverse<IpAddr>,
    unreplied: u64,
    endpoints: u64,
}

impl Sums {
    /// None yet, for so many endpoints.
    pub(super) fn new(endpoints: usize) -> Self {
        Self {
            entries: 0,
            distinct_clients: 0,
            endpoints: vec![Totals::default(); endpoints],
            top: BinaryHeap::new(),
        }
    }

    /// Adds one family's records.
    pub(super) fn add<R: Record>(&mut self, mut records: Vec<R>) {
        records.sort_unstable();
        for records in records.chunk_by(|a, b| a.client() == b.client()) {
            if let Some(first) = records.first() {
                self.add_client(first.client().into(), records);
            }
        }
    }

    fn add_client<R: Record>(&mut self, address: IpAddr, records: &[R]) {
        let mut client = Client {
            entries: records.len() as u64,
            address: Reverse(address),
            unreplied: 0,
            endpoints: 0,
        };
        let mut before = None;
        for tail in records.iter().map(|record| record.tail()) {
            client.unreplied += u64::from(!tail.is_replied());
            let is_new = before.replace(tail.endpoint()) != Some(tail.endpoint());
            client.endpoints += u64::from(is_new);
            if let Some(totals) = self.endpoints.get_mut(tail.endpoint()) {
                totals.clients += u32::from(is_new);
                totals.add(tail);
            }
        }
        self.entries += client.entries;
        self.distinct_clients += 1;
        self.rank(client);
    }

    fn rank(&mut self, client: Client) {
        let full = self.top.len() == Dump::MAX_CLIENTS;
        match self.top.peek() {
            Some(Reverse(least)) if full && client <= *least => return,
            _ => self.top.push(Reverse(client)),
        }
        if full {
            self.top.pop();
        }
    }

    /// The clients with the most entries, most first.
    pub(super) fn top_clients(&mut self) -> Vec<ClientDump> {
        let told = |Reverse(client): Reverse<Client>| ClientDump {
            address: client.address.0,
            entries: client.entries,
            unreplied: client.unreplied,
            endpoints: client.endpoints,
        };
        let top = std::mem::take(&mut self.top).into_sorted_vec();
        top.into_iter().map(told).collect()
    }
}

impl Totals {
    fn add(&mut self, tail: Tail) {
        let replied = tail.is_replied();
        self.unreplied += u32::from(!replied);
        let state = tail
            .state()
            .and_then(|state| self.states.get_mut(usize::from(state.0)));
        let [without, with] = &mut self.stateless;
        *state.unwrap_or(if replied { with } else { without }) += 1;
    }

    pub(super) fn entries(&self) -> u64 {
        let all = self.states.iter().chain(&self.stateless);
        all.map(|entries| u64::from(*entries)).sum()
    }

    pub(super) fn unreplied(&self) -> u64 {
        u64::from(self.unreplied)
    }

    /// Without findings.
    pub(super) fn into_dump(self) -> EndpointDump {
        let names = [StateCounts::UNREPLIED, StateCounts::REPLIED];
        let states: StateCounts = State::NAMES
            .into_iter()
            .zip(self.states)
            .chain(names.into_iter().zip(self.stateless))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name, u64::from(count)))
            .collect();
        EndpointDump {
            entries: states.values().sum(),
            states,
            clients: u64::from(self.clients),
            unreplied: u64::from(self.unreplied),
            ..EndpointDump::default()
        }
    }
}
