//! Boils the entries of a table down to a [`Dump`], one entry at a time.
//!
//! A dump should take hardly longer than the kernel needs to write it, some 2.5 µs an entry: what is done here for
//! each entry is measured in nanoseconds (`cargo xtask bench native`).

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{
    classify::{LocalAddresses, classify},
    dump::{Dump, DumpKind},
    endpoint::{Endpoint, Netns},
    entry::Entry,
};

mod clients;
mod totals;

use clients::Uses;
use totals::Totals;

/// Takes the entries of one namespace's table.
#[derive(Debug)]
pub struct Aggregator {
    netns: Netns,
    local: Option<LocalAddresses>,
    entries: u64,
    endpoints: IndexMap<Endpoint, Totals, RandomState>,
    uses: Uses,
}

/// How many sums are made into a dump before their memory is given back.
const SHRINK_EVERY: usize = 8_192;

impl Aggregator {
    /// For a namespace with these own addresses; `None` where they are unknown.
    #[must_use]
    pub fn new(netns: Netns, local: Option<LocalAddresses>) -> Self {
        Self {
            netns,
            local,
            entries: 0,
            endpoints: IndexMap::default(),
            uses: Uses::default(),
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
        slot.or_default().add(entry);
        self.uses
            .add(entry.original.source, number, entry.is_replied());
    }

    /// The sums, of a dump that began at `at_ms` (Unix time in milliseconds) and took `took_ms`.
    #[must_use]
    pub fn finish(mut self, at_ms: i64, took_ms: u64, kind: DumpKind) -> Dump {
        let mut clients = self.uses.count(self.endpoints.len());
        // Taken from the end, so that what was made into a dump no longer takes memory as sums.
        let mut endpoints = BTreeMap::new();
        while let Some((endpoint, totals)) = self.endpoints.pop() {
            let clients = clients.by_endpoint.pop().unwrap_or_default();
            endpoints.insert(endpoint, totals.into_dump(clients));
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
            clients: clients.top,
        }
    }
}

#[cfg(test)]
mod tests;
