//! What the records of a dump add up to. They are sorted by client: so distinct clients are counted exactly, in a
//! fraction of the memory and time that sets of addresses would take.

use std::{cmp::Reverse, collections::BinaryHeap, net::IpAddr, panic, thread};

use super::{
    record::{Record, Tail},
    runs::{self, Runs},
};
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

/// One endpoint's. No table has 2³² entries. What an entry moves lies in one cache line, with the states of TCP: endpoints come
/// in no order, and fetching them is most of the time.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
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

    /// Adds one family's records, with a thread for each of the runs.
    pub(super) fn add<R: Record>(&mut self, records: Runs<R>) {
        let runs = records.into_runs();
        let mut parts = runs::parts(&runs);
        let first = parts.pop().unwrap_or_default();
        let others: Vec<Self> = thread::scope(|scope| {
            let endpoints = self.endpoints.len();
            let threads: Vec<_> = parts
                .into_iter()
                .map(|part| {
                    scope.spawn(move || {
                        let mut sums = Self::new(endpoints);
                        sums.add_part(part);
                        sums
                    })
                })
                .collect();
            self.add_part(first);
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|p| panic::resume_unwind(p)))
                .collect()
        });
        for other in others {
            self.absorb(other);
        }
    }

    /// Takes over the sums of other clients.
    fn absorb(&mut self, other: Self) {
        self.entries += other.entries;
        self.distinct_clients += other.distinct_clients;
        for (mine, more) in self.endpoints.iter_mut().zip(&other.endpoints) {
            mine.absorb(more);
        }
        for Reverse(client) in other.top {
            self.rank(client);
        }
    }

    fn add_part<R: Record>(&mut self, part: Vec<&[R]>) {
        runs::by_client(part, |client, records| {
            records.sort_unstable();
            self.add_client(client.into(), records);
        });
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

    fn absorb(&mut self, other: &Self) {
        self.clients += other.clients;
        self.unreplied += other.unreplied;
        let mine = self.stateless.iter_mut().chain(&mut self.states);
        for (mine, more) in mine.zip(other.stateless.iter().chain(&other.states)) {
            *mine += more;
        }
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
