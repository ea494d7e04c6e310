//! A service whose packets might go untracked, and the packets it has.

use std::net::IpAddr;

use super::{
    mark::Mark,
    packet::{Interface, Packet},
};
use crate::model::{
    endpoint::{Family, Protocol},
    notrack::{Direction, NotrackRule},
    ruleset::States,
};

/// An address of the node's own with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) address: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    /// VXLAN or Geneve: both directions carry the same destination port.
    pub(super) encapsulation: bool,
    /// Clients on the node itself were seen, or must be reckoned with.
    pub(super) local_clients: bool,
}

impl Service {
    /// Directions that need a rule each.
    pub(super) fn directions(&self) -> Vec<Direction> {
        let mut directions = vec![
            Direction::Requests,
            if self.encapsulation {
                Direction::Tunnelled
            } else {
                Direction::Replies
            },
        ];
        if self.local_clients && !self.encapsulation {
            directions.extend([Direction::LocalRequests, Direction::LocalReplies]);
        }
        directions
    }

    /// The rule for a direction.
    pub(super) fn rule(&self, direction: Direction) -> NotrackRule {
        NotrackRule {
            direction,
            address: self.address,
            protocol: self.protocol,
            port: self.port,
        }
    }

    /// Any packet of a direction, as its raw chain sees it: before tracking.
    pub(super) fn packet(&self, direction: Direction) -> Packet {
        let to_service = direction.address_is_destination();
        let local = matches!(
            direction,
            Direction::LocalRequests | Direction::LocalReplies
        );
        let interface = if local {
            Interface::Loopback
        } else {
            Interface::Other
        };
        let incoming = direction.chain() == "PREROUTING";
        let port_is_destination = direction.port_is_destination();
        // A client on the node speaks from the address it speaks to, unless it is bound to another: the local
        // route's preferred source (fib_add_ifaddr).
        let own = Some(self.address);
        let peer = own.filter(|_| local);
        Packet {
            family: self.family(),
            in_interface: if incoming { interface } else { Interface::None },
            out_interface: if incoming { Interface::None } else { interface },
            source: if to_service { peer } else { own },
            destination: if to_service { own } else { peer },
            protocol: self.protocol,
            source_port: (!port_is_destination).then_some(self.port),
            destination_port: port_is_destination.then_some(self.port),
            icmp: None,
            syn: None,
            first: false,
            original: Some(!matches!(
                direction,
                Direction::Replies | Direction::LocalReplies
            )),
            mark: Mark::OPEN,
            state: States::INVALID,
        }
    }

    pub(super) fn family(&self) -> Family {
        match self.address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }

    /// "Fragmentation needed" (RFC 792, type 3 code 4) or "packet too big" (RFC 4443, type 2) about a reply.
    pub(super) fn too_big(&self) -> Packet {
        let (protocol, icmp) = match self.address {
            IpAddr::V4(_) => (Protocol::ICMP, (3, 4)),
            IpAddr::V6(_) => (Protocol::ICMPV6, (2, 0)),
        };
        Packet {
            protocol,
            source_port: None,
            destination_port: None,
            icmp: Some(icmp),
            original: None,
            ..self.packet(Direction::Requests)
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let socket = std::net::SocketAddr::new(self.address, self.port);
        write!(f, "{} {socket}", self.protocol)
    }
}
