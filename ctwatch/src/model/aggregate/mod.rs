//! Boils the entries of a table down to a [`Dump`], one entry at a time.
//!
//! A dump should take hardly longer than the kernel needs to write it, some 2.5 µs an entry. Between two entries the
//! kernel's walk drives most else out of the caches; so each entry only leaves a short record, and these are added up
//! at the end (`cargo xtask bench native`).

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    bounded::Bounded,
    classify::{LocalAddresses, classify},
    dump::{Dump, DumpKind, EndpointDump},
    endpoint::Netns,
    entry::Entry,
    left::Lefts,
    translated::{Translated, TranslatedEntries},
};

mod busiest;
mod findings;
mod numbers;
mod record;
mod runs;
mod sums;

pub use busiest::Busiest;
use findings::Findings;
use numbers::Numbers;
use record::{Ipv4Record, Ipv6Record, Record as _, Tail};
use runs::Runs;
use sums::Sums;

/// Takes the entries of one namespace's table.
#[derive(Debug)]
pub struct Aggregator {
    netns: Netns,
    local: Option<LocalAddresses>,
    numbers: Numbers,
    ipv4: Runs<Ipv4Record>,
    ipv6: Runs<Ipv6Record>,
    left: Lefts,
    translated: Bounded<Translated>,
    /// `None` where they are not asked for.
    findings: Option<Findings>,
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
            numbers: Numbers::default(),
            ipv4: Runs::default(),
            ipv6: Runs::default(),
            left: Lefts::default(),
            translated: Bounded::default(),
            findings: Some(Findings::default()),
        }
    }

    /// Without findings, which take most of the memory where most entries have some.
    #[must_use]
    pub fn without_findings(self) -> Self {
        Self {
            findings: None,
            ..self
        }
    }

    /// Counts one entry.
    pub fn add(&mut self, entry: &Entry) {
        let endpoint = classify(
            self.netns,
            entry.family,
            entry.protocol,
            &entry.original,
            self.local.as_ref(),
        );
        let number = self.numbers.of(endpoint);
        self.left.add(entry);
        if let Some(way) = Translated::of(entry) {
            self.translated.add(way, 1);
        }
        if let Some(findings) = &mut self.findings {
            findings.add(number, entry);
        }
        let tail = Tail::new(number, entry);
        match entry.original.source {
            IpAddr::V4(client) => self.ipv4.push(Ipv4Record::new(client, tail)),
            IpAddr::V6(client) => self.ipv6.push(Ipv6Record::new(client, tail)),
        }
    }

    /// Sorts what was counted: where several count, each does so beside the others.
    pub fn settle(&mut self) {
        self.ipv4.settle();
        self.ipv6.settle();
    }

    /// Takes over what another has counted, of the same namespace with the same addresses.
    pub fn merge(&mut self, other: Self) {
        let mut numbers = Vec::new();
        for endpoint in other.numbers.into_endpoints() {
            numbers.push(self.numbers.of(endpoint));
        }
        // Each of its numbers was handed out by it.
        let renumber = |tail: Tail| tail.at(numbers.get(tail.endpoint()).copied().unwrap_or(0));
        self.ipv4.append(other.ipv4, renumber);
        self.ipv6.append(other.ipv6, renumber);
        self.left.merge(other.left);
        self.translated.merge(other.translated);
        if let Some((findings, more)) = self.findings.as_mut().zip(other.findings) {
            findings.merge(more, &numbers);
        }
    }

    /// The sums, of a dump that began at `at_ms` (Unix time in milliseconds) and took `took_ms`.
    #[must_use]
    pub fn finish(mut self, at_ms: i64, took_ms: u64, kind: DumpKind) -> Dump {
        let mut names = self.numbers.into_endpoints();
        let mut sums = Sums::new(names.len());
        sums.add(self.ipv4);
        sums.add(self.ipv6);
        let clients = sums.top_clients();
        // Taken from the end, so that what was made into a dump no longer takes memory as sums.
        let mut endpoints = BTreeMap::new();
        while let Some((endpoint, totals)) = names.pop().zip(sums.endpoints.pop()) {
            let seen = EndpointDump {
                findings: self
                    .findings
                    .as_mut()
                    .map(|findings| findings.take(names.len() as u32))
                    .unwrap_or_default(),
                ..totals.into_dump()
            };
            endpoints.insert(endpoint, seen);
            if names.len().is_multiple_of(SHRINK_EVERY) {
                sums.endpoints.shrink_to_fit();
            }
        }
        Dump {
            netns: self.netns,
            at_ms,
            took_ms,
            kind,
            entries: sums.entries,
            endpoints,
            distinct_clients: sums.distinct_clients,
            clients,
            left: self.left.rows(),
            translated: self
                .translated
                .top(Dump::MAX_TRANSLATED)
                .into_iter()
                .map(|(way, entries)| TranslatedEntries { way, entries })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
