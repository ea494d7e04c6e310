//! Tuples in words.

use std::net::SocketAddr;

use crate::model::{
    endpoint::Protocol,
    entry::Tuple,
    event::{Event, Other},
};

/// `192.0.2.1:40000 > 192.0.2.2:53`; of ICMP type, code and identifier follow, of GRE the keys.
pub(super) fn arrow(protocol: Protocol, tuple: &Tuple) -> String {
    let Tuple {
        source,
        destination,
        source_port,
        destination_port,
    } = *tuple;
    match protocol {
        Protocol::ICMP | Protocol::ICMPV6 => {
            let [kind, code] = destination_port.to_be_bytes();
            format!("{source} > {destination} type {kind} code {code} id {source_port}")
        }
        Protocol::GRE => {
            format!("{source} > {destination} keys {source_port:#x} {destination_port:#x}")
        }
        protocol if protocol.has_ports() => format!(
            "{} > {}",
            SocketAddr::new(source, source_port),
            SocketAddr::new(destination, destination_port)
        ),
        _ => format!("{source} > {destination}"),
    }
}

/// Whoever came, or had come before, with his role; `-` where he was not told.
pub(super) fn other(event: &Event) -> String {
    let Some(Other { endpoint, original }) = &event.other else {
        return "-".to_owned();
    };
    let tuple = arrow(endpoint.protocol, original);
    match endpoint.role {
        Some(role) => format!("{} {tuple} ({})", endpoint.protocol, role.as_str()),
        None => format!("{} {tuple}", endpoint.protocol),
    }
}
