//! What a single entry means.

use std::net::IpAddr;

use serde::Serialize;

use super::rest::Basis;
use crate::{
    analysis::timeout::Timeouts,
    model::{
        classify::classify,
        endpoint::{Family, Protocol, Role},
        entry::State,
        listed::{Carried, Listed},
        stage::Stage,
        status,
    },
};

use super::{NO_NETNS, Options};

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Address.
    pub address: IpAddr,
    /// Port; `None` for protocols without.
    pub port: Option<u16>,
}

/// One entry, taken apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// Family.
    pub family: Family,
    /// Protocol.
    pub protocol: String,
    /// Its number.
    pub protocol_number: u8,
    /// Who opened it.
    pub client: Peer,
    /// What the client spoke to.
    pub service: Peer,
    /// Who answers in its place; `None` where the service does itself.
    pub backend: Option<Peer>,
    /// What the backend takes for the client; `None` where it sees the client itself.
    pub client_seen_as: Option<Peer>,
    /// How it passes the node; `None` where the node's own addresses are not known.
    pub role: Option<Role>,
    /// State; of protocols without UNREPLIED, REPLIED or ASSURED.
    pub state: &'static str,
    /// Whether a reply was seen.
    pub replied: bool,
    /// Whether packets went to and fro for some time, so that the entry is not evicted for newcomers.
    pub assured: bool,
    /// Whether a flowtable carries it.
    pub offloaded: bool,
    /// Seconds until it ends, unless a packet comes.
    pub left_seconds: Option<u32>,
    /// Timeout of its state, in seconds.
    pub timeout_seconds: Option<u32>,
    /// Where that is from.
    pub timeout_from: Option<Basis>,
    /// Seconds since the last packet; `None` where the timeout is not known, or may be a shorter one.
    pub idle_seconds: Option<u32>,
    /// Seconds since it came into the table.
    pub age_seconds: Option<u64>,
    /// Packets and bytes of the original direction.
    pub original: Option<CarriedRow>,
    /// Packets and bytes of the reply direction.
    pub reply: Option<CarriedRow>,
    /// Whether a new connection from the same client port would take the entry's place; `None` for protocols whose
    /// connections have no beginning. Otherwise such a connection goes where this one went.
    pub gives_way_to_a_new_connection: Option<bool>,
    /// Mark; 0 for none.
    pub mark: u32,
    /// Zone; 0 for none.
    pub zone: u16,
    /// Helper.
    pub helper: Option<String>,
}

/// What one direction carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CarriedRow {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Takes an entry apart.
#[must_use]
pub fn explain(listed: &Listed, options: &Options) -> Explained {
    let entry = &listed.entry;
    let (original, reply) = (&entry.original, &entry.reply);
    let peer = |address, port| Peer {
        address,
        port: entry.protocol.has_ports().then_some(port),
    };
    let stage = Stage::of(entry);
    let rest = rest(listed, stage, options);
    let local = options.local.as_ref();
    let endpoint = classify(NO_NETNS, entry.family, entry.protocol, original, local);
    Explained {
        family: entry.family,
        protocol: entry.protocol.to_string(),
        protocol_number: entry.protocol.0,
        client: peer(original.source, original.source_port),
        service: peer(original.destination, original.destination_port),
        backend: entry
            .is_destination_translated()
            .then(|| peer(reply.source, reply.source_port)),
        client_seen_as: entry
            .is_source_translated()
            .then(|| peer(reply.destination, reply.destination_port)),
        role: endpoint.role,
        state: stage.name(),
        replied: entry.is_replied(),
        assured: entry.has(status::ASSURED),
        offloaded: entry.has(status::OFFLOAD),
        left_seconds: entry.timeout_seconds,
        timeout_seconds: rest.timeout,
        timeout_from: rest.basis,
        idle_seconds: rest.idle,
        age_seconds: listed.age_seconds,
        original: listed.original.map(CarriedRow::from),
        reply: listed.reply.map(CarriedRow::from),
        gives_way_to_a_new_connection: gives_way(entry.protocol, entry.state),
        mark: entry.mark,
        zone: entry.zone,
        helper: entry.helper.clone(),
    }
}

struct Rest {
    timeout: Option<u32>,
    basis: Option<Basis>,
    idle: Option<u32>,
}

fn rest(listed: &Listed, stage: Stage, options: &Options) -> Rest {
    let entry = &listed.entry;
    let timeouts = Timeouts(options.sysctls.as_ref());
    let Some((timeout, is_set)) = timeouts.of(entry.protocol, stage) else {
        return Rest {
            timeout: None,
            basis: None,
            idle: None,
        };
    };
    let left = entry.timeout_seconds;
    if left.is_some_and(|left| left > timeout) {
        return Rest {
            timeout: None,
            basis: Some(Basis::LargestLeft),
            idle: None,
        };
    }
    let short = timeouts.unacknowledged();
    let is_ambiguous = |left| entry.protocol == Protocol::TCP && timeout > short && left <= short;
    Rest {
        timeout: Some(timeout),
        basis: Some(if is_set {
            Basis::Sysctl
        } else {
            Basis::Default
        }),
        idle: left
            .filter(|left| !is_ambiguous(*left))
            .map(|left| timeout - left),
    }
}

/// A SYN makes an entry in these states anew, and is passed over in the others (`nf_conntrack_tcp_packet`).
fn gives_way(protocol: Protocol, state: Option<State>) -> Option<bool> {
    if protocol != Protocol::TCP {
        return None;
    }
    state.map(|state| matches!(state.name(), "TIME_WAIT" | "CLOSE"))
}

impl From<Carried> for CarriedRow {
    fn from(carried: Carried) -> Self {
        Self {
            packets: carried.packets,
            bytes: carried.bytes,
        }
    }
}
