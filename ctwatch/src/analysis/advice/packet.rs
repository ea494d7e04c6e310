//! A packet as far as it is known, and what the conditions of a rule say of it.

use std::{net::IpAddr, ops::RangeInclusive};

use crate::model::{
    endpoint::Protocol,
    ruleset::{Condition, Match, Prefix, States},
};

/// The interface a packet comes or goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// This hook has none on that side.
    None,
    /// `lo`
    Loopback,
    /// Any but `lo`.
    Other,
}

/// A packet of which some things are open: `None` stands for whatever a peer may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) in_interface: Interface,
    pub(super) out_interface: Interface,
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) protocol: Protocol,
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    pub(super) icmp: Option<(u8, u8)>,
    /// Exactly one state.
    pub(super) state: States,
}

impl Packet {
    pub(super) fn with_state(self, state: States) -> Self {
        Self { state, ..self }
    }

    fn is_local(&self) -> bool {
        self.in_interface == Interface::Loopback || self.out_interface == Interface::Loopback
    }
}

/// Whether a match holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Depends on the peer or the interface: the same for all packets of a flow, tracked or not.
    Maybe,
    /// Not understood: may hold for one packet and not for the next.
    Unknown,
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What a match says of a packet.
pub(super) fn answer(matched: &Match, packet: &Packet) -> Answer {
    match (condition(&matched.condition, packet), matched.negated) {
        (Answer::Yes, true) => Answer::No,
        (Answer::No, true) => Answer::Yes,
        (answer, _) => answer,
    }
}

fn condition(condition: &Condition, packet: &Packet) -> Answer {
    match condition {
        Condition::InInterface(name) => interface(name, packet.in_interface),
        Condition::OutInterface(name) => interface(name, packet.out_interface),
        Condition::Source(prefix) => address(prefix, packet.source, packet),
        Condition::Destination(prefix) => address(prefix, packet.destination, packet),
        Condition::Protocol(protocol) => (*protocol == packet.protocol).into(),
        Condition::SourcePort(ranges) => port(ranges, packet.source_port, packet),
        Condition::DestinationPort(ranges) => port(ranges, packet.destination_port, packet),
        Condition::EitherPort(ranges) => {
            let source = port(ranges, packet.source_port, packet);
            match (source, port(ranges, packet.destination_port, packet)) {
                (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
                (Answer::No, other) | (other, _) => other,
            }
        }
        Condition::State(states) => states.intersects(packet.state).into(),
        Condition::IcmpType(kind, code) => match packet.icmp {
            None => Answer::No,
            Some((own, own_code)) => {
                (*kind == own && code.is_none_or(|code| code == own_code)).into()
            }
        },
        Condition::SourceIsLocal => local(packet.source, packet),
        Condition::DestinationIsLocal => local(packet.destination, packet),
        Condition::Unknown(_) => Answer::Unknown,
    }
}

fn interface(pattern: &str, actual: Interface) -> Answer {
    let prefix = pattern.strip_suffix('+');
    match actual {
        Interface::None => Answer::No,
        Interface::Loopback => match prefix {
            Some(prefix) => "lo".starts_with(prefix).into(),
            None => (pattern == "lo").into(),
        },
        Interface::Other if pattern == "lo" => Answer::No,
        Interface::Other if prefix == Some("") => Answer::Yes,
        Interface::Other => Answer::Maybe,
    }
}

/// A peer elsewhere never has a loopback address: the kernel drops such packets as martians.
fn address(prefix: &Prefix, actual: Option<IpAddr>, packet: &Packet) -> Answer {
    match actual {
        Some(address) => prefix.contains(address).into(),
        None if prefix.is_everything() => Answer::Yes,
        None if prefix.is_loopback() && !packet.is_local() => Answer::No,
        None => Answer::Maybe,
    }
}

/// Ports of ICMP errors are none; a rule that asks for one does not match them.
fn port(ranges: &[RangeInclusive<u16>], actual: Option<u16>, packet: &Packet) -> Answer {
    match actual {
        Some(port) => ranges.iter().any(|range| range.contains(&port)).into(),
        None if !packet.protocol.has_ports() => Answer::No,
        None if ranges.contains(&(0..=u16::MAX)) => Answer::Yes,
        None => Answer::Maybe,
    }
}

/// The known end is the service's, which is the node's own; of a connection from elsewhere the other is not.
fn local(actual: Option<IpAddr>, packet: &Packet) -> Answer {
    (actual.is_some() || packet.is_local()).into()
}
