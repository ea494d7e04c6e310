//! Which entries are translated, and from what to what.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::bounded::Bounded;
use crate::model::{endpoint::Protocol, entry::Entry};

/// A service and where its connections go.
type Way = (Protocol, SocketAddr, SocketAddr);

/// Translations of one table.
#[derive(Debug, Default)]
pub(super) struct Translations {
    destination: u64,
    source: u64,
    both: u64,
    ways: Bounded<Way>,
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
        let destination = entry.is_destination_translated();
        let source = entry.is_source_translated();
        self.both += u64::from(destination && source);
        if destination {
            self.destination += 1;
            self.ways.add(way(entry), 1);
        }
        if source {
            self.source += 1;
            self.sources.add(entry.reply.destination, 1);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.destination += other.destination;
        self.source += other.source;
        self.both += other.both;
        self.ways.merge(other.ways);
        self.sources.merge(other.sources);
    }

    pub(super) fn nat(&self, rows: usize) -> Nat {
        let backend = |((protocol, service, backend), entries): (Way, u64)| Backend {
            protocol: protocol.to_string(),
            service: service.ip(),
            port: service.port(),
            backend: backend.ip(),
            backend_port: backend.port(),
            entries,
        };
        let source = |(address, entries)| TranslatedSource { address, entries };
        Nat {
            destination: self.destination,
            source: self.source,
            both: self.both,
            backends: self.ways.top(rows).into_iter().map(backend).collect(),
            distinct_backends: self.ways.len(),
            sources: self.sources.top(rows).into_iter().map(source).collect(),
            untold: self.ways.others() + self.sources.others(),
        }
    }
}

fn way(entry: &Entry) -> Way {
    let port = |port| if entry.protocol.has_ports() { port } else { 0 };
    let (original, reply) = (&entry.original, &entry.reply);
    (
        entry.protocol,
        SocketAddr::new(original.destination, port(original.destination_port)),
        SocketAddr::new(reply.source, port(reply.source_port)),
    )
}
