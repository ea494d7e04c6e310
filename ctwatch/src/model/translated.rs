//! Entries whose destination is translated: from which service, to which backend.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{endpoint::Protocol, entry::Entry};

/// A service and where its connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Translated {
    /// Protocol.
    pub protocol: Protocol,
    /// What clients speak to; port 0 for protocols without.
    pub service: SocketAddr,
    /// Who answers.
    pub backend: SocketAddr,
}

impl Translated {
    /// Of an entry whose destination is translated (DNAT, REDIRECT, IPVS by NAT); `None` of another.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        if !entry.is_destination_translated() {
            return None;
        }
        let socket = |address: IpAddr, port: u16| {
            let port = if entry.protocol.has_ports() { port } else { 0 };
            SocketAddr::new(address, port)
        };
        let (original, reply) = (&entry.original, &entry.reply);
        Some(Self {
            protocol: entry.protocol,
            service: socket(original.destination, original.destination_port),
            backend: socket(reply.source, reply.source_port),
        })
    }
}

/// Entries of a dump that go one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranslatedEntries {
    /// From where to where.
    pub way: Translated,
    /// How many.
    pub entries: u64,
}
