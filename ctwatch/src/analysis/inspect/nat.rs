//! Which entries are translated, and from what to what.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::{bounded::Bounded, entry::Entry, translated::Translated};

/// Translations of one table.
#[derive(Debug, Default)]
pub(super) struct Translations {
    source: u64,
    both: u64,
    sources: Bounded<IpAddr>,
}

/// What is translated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nat {
    /// Entries whose destination is translated (DNAT, REDIRECT).
    pub destination: u64,
    /// Entries whose source is translated (SNAT, MASQUERADE).
    pub source: u64,
    /// Entries of which both are; they are in both counts.
    pub both: u64,
    /// Services and their backends, most entries first.
    pub backends: Vec<Backend>,
    /// Pairs of service and backend in all, as far as they are told apart.
    pub distinct_backends: u64,
    /// Addresses that sources are translated to, most entries first.
    pub sources: Vec<TranslatedSource>,
    /// Entries left out of these lists, since there were more pairs or addresses than are told apart. Unless it is 0,
    /// entries of a pair or an address are lower bounds.
    pub untold: u64,
}

/// Where connections to a service go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backend {
    /// Protocol.
    pub protocol: String,
    /// What clients speak to.
    pub service: IpAddr,
    /// Its port; 0 for protocols without.
    pub port: u16,
    /// Who answers.
    pub backend: IpAddr,
    /// At which port.
    pub backend_port: u16,
    /// Entries.
    pub entries: u64,
}

/// An address that sources are translated to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TranslatedSource {
    /// The address.
    pub address: IpAddr,
    /// Entries.
    pub entries: u64,
}

impl Translations {
    pub(super) fn add(&mut self, entry: &Entry) {
        if entry.is_source_translated() {
            self.source += 1;
            self.both += u64::from(entry.is_destination_translated());
            self.sources.add(entry.reply.destination, 1);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.source += other.source;
        self.both += other.both;
        self.sources.merge(other.sources);
    }

    pub(super) fn nat(&self, ways: &Bounded<Translated>, rows: usize) -> Nat {
        let backend = |(way, entries): (Translated, u64)| Backend {
            protocol: way.protocol.to_string(),
            service: way.service.ip(),
            port: way.service.port(),
            backend: way.backend.ip(),
            backend_port: way.backend.port(),
            entries,
        };
        let source = |(address, entries)| TranslatedSource { address, entries };
        Nat {
            destination: ways.total(),
            source: self.source,
            both: self.both,
            backends: ways.top(rows).into_iter().map(backend).collect(),
            distinct_backends: ways.len(),
            sources: self.sources.top(rows).into_iter().map(source).collect(),
            untold: ways.others() + self.sources.others(),
        }
    }
}
