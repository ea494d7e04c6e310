//! Entries by port.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::{
    aggregate::Busiest,
    dump::EndpointDump,
    endpoint::{Endpoint, Family, Role},
    states::StateCounts,
};

/// One port, in one role, at one address where that is the node's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortRow {
    /// Family.
    pub family: Family,
    /// Protocol.
    pub protocol: String,
    /// Destination port of the original direction; 0 for protocols without ports.
    pub port: u16,
    /// Role; `None` where the node's own addresses are not known.
    pub role: Option<Role>,
    /// The own address that is spoken to.
    pub address: Option<IpAddr>,
    /// Entries.
    pub entries: u64,
    /// Part of those looked at, 0 to 1.
    pub share: f64,
    /// Distinct clients.
    pub clients: u64,
    /// Entries that never saw a reply.
    pub unreplied: u64,
    /// Entries by state; of protocols without states by whether a reply was seen.
    pub states: StateCounts,
}

/// As they are ordered.
pub(super) fn ports(busiest: &Busiest) -> Vec<PortRow> {
    let row = |(endpoint, seen): &(Endpoint, EndpointDump)| PortRow {
        family: endpoint.family,
        protocol: endpoint.protocol.to_string(),
        port: endpoint.port,
        role: endpoint.role,
        address: endpoint.address,
        entries: seen.entries,
        share: seen.entries as f64 / busiest.entries.max(1) as f64,
        clients: seen.clients,
        unreplied: seen.unreplied,
        states: seen.states.clone(),
    };
    busiest.endpoints.iter().map(row).collect()
}
