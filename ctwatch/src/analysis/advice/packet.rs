//! A packet as far as it is known, and what the conditions of a rule say of it.

use std::{net::IpAddr, ops::RangeInclusive};

use super::mark::Mark;
use crate::model::{
    endpoint::{Family, Protocol},
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
    pub(super) family: Family,
    pub(super) in_interface: Interface,
    pub(super) out_interface: Interface,
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) protocol: Protocol,
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    pub(super) icmp: Option<(u8, u8)>,
    /// Whether it opens a TCP connection.
    pub(super) syn: Option<bool>,
    /// Whether it is the first of its connection, which may be another than those after it.
    pub(super) first: bool,
    /// Whether it goes the original way of its entry, if it has one.
    pub(super) original: Option<bool>,
    pub(super) mark: Mark,
    /// Exactly one state.
    pub(super) state: States,
}

impl Packet {
    pub(super) fn with_state(self, state: States) -> Self {
        Self { state, ..self }
    }

    fn has_entry(&self) -> bool {
        ![States::INVALID, States::UNTRACKED].contains(&self.state)
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
    /// Depends on the peer, the interface or what is in the packet: the same for it tracked or not.
    Maybe,
    /// Depends on the packet's entry, in a way that is not understood.
    Entry,
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
    if let Condition::Entry { without, .. } | Condition::Original { without, .. } =
        &matched.condition
        && !packet.has_entry()
    {
        return (*without).into();
    }
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
        Condition::SourceRange(first, last) => range(*first, *last, packet.source, packet),
        Condition::DestinationRange(first, last) => {
            range(*first, *last, packet.destination, packet)
        }
        Condition::Family(family) => (*family == packet.family).into(),
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
        // Tracking has fragments put together first, also for packets that are then left untracked.
        Condition::Fragment => Answer::No,
        Condition::Syn => match packet.syn {
            _ if packet.protocol != Protocol::TCP => Answer::No,
            Some(syn) => syn.into(),
            None => Answer::Maybe,
        },
        Condition::IcmpCode(code) => match packet.icmp {
            None => Answer::No,
            Some((_, own)) => (*code == own).into(),
        },
        Condition::SourceIsLocal => is_local(packet.source, packet).into(),
        Condition::DestinationIsLocal => is_local(packet.destination, packet).into(),
        Condition::SourceIsUnicast => (!is_local(packet.source, packet)).into(),
        Condition::DestinationIsUnicast => (!is_local(packet.destination, packet)).into(),
        Condition::Mark { value, mask } => packet.mark.answer(*value, *mask),
        Condition::Original { original, .. } => match packet.original {
            Some(own) => (own == *original).into(),
            None => Answer::Maybe,
        },
        Condition::Entry { .. } => Answer::Entry,
        Condition::Flow(_) | Condition::Packet(_) => Answer::Maybe,
        Condition::Any(ways) => any(ways, packet),
        Condition::Unknown(_) => Answer::Unknown,
    }
}

/// Whether one of several ways holds. A set whose members look at tracking or marks may hold for other members once
/// these change, so that it cannot be answered alike before and after.
fn any(ways: &[Vec<Match>], packet: &Packet) -> Answer {
    let mut all = Answer::No;
    for way in ways {
        let holds = way.iter().map(|matched| answer(matched, packet));
        let holds = holds.fold(Answer::Yes, |a, b| match (a, b) {
            (Answer::No, _) | (_, Answer::No) => Answer::No,
            (Answer::Yes, other) | (other, Answer::Yes) => other,
            (Answer::Maybe, Answer::Maybe) => Answer::Maybe,
            _ => Answer::Unknown,
        });
        all = match (all, holds) {
            (_, Answer::Yes) => return Answer::Yes,
            (Answer::No, other) | (other, Answer::No) => other,
            (Answer::Maybe, Answer::Maybe) => Answer::Maybe,
            _ => Answer::Unknown,
        };
    }
    let changes = |matched: &Match| {
        matches!(
            matched.condition,
            Condition::State(_) | Condition::Mark { .. } | Condition::Original { .. }
        )
    };
    match all {
        Answer::Maybe if ways.iter().flatten().any(changes) => Answer::Unknown,
        other => other,
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
        None if prefix.family() != packet.family => Answer::No,
        None if prefix.is_everything() => Answer::Yes,
        None if prefix.is_loopback() && !packet.is_local() => Answer::No,
        None => Answer::Maybe,
    }
}

fn range(first: IpAddr, last: IpAddr, actual: Option<IpAddr>, packet: &Packet) -> Answer {
    match actual {
        Some(address) => {
            (address.is_ipv4() == first.is_ipv4() && (first..=last).contains(&address)).into()
        }
        None if first.is_ipv4() != (packet.family == Family::Ipv4) => Answer::No,
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
fn is_local(actual: Option<IpAddr>, packet: &Packet) -> bool {
    actual.is_some() || packet.is_local()
}
