//! Rules that advice consists of, as values; renderers give them a program's syntax.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::endpoint::{Family, Protocol};

/// The comment, or the name of the table, by which ctwatch knows its own rules.
pub const OWNER: &str = "ctwatch";

/// Which packets of a service a rule is about, and so in which hook it stands.
///
/// Both directions have to go untracked: one alone turns the other into INVALID packets or reverse entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From elsewhere to the service: PREROUTING, its address and port as destination.
    Requests,
    /// From the service: OUTPUT, its address and port as source.
    Replies,
    /// From the node itself to the service: OUTPUT, its address and port as destination.
    LocalRequests,
    /// The service's replies to the node itself, coming back over `lo`: PREROUTING, its address and port as source.
    LocalReplies,
    /// Encapsulation leaving the node: OUTPUT, its address as source but the port as destination, since both
    /// directions of VXLAN and Geneve carry the same destination port.
    Tunnelled,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Requests,
        Self::Replies,
        Self::LocalRequests,
        Self::LocalReplies,
        Self::Tunnelled,
    ];

    /// The word that plans use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Replies => "replies",
            Self::LocalRequests => "local-requests",
            Self::LocalReplies => "local-replies",
            Self::Tunnelled => "tunnelled",
        }
    }

    /// The fields that nft's rules of this direction match: the header's for the address, the transport's for the
    /// port.
    #[must_use]
    pub fn nft_fields(self) -> (&'static str, &'static str) {
        let address = if self.address_is_destination() {
            "daddr"
        } else {
            "saddr"
        };
        let port = if self.port_is_destination() {
            "dport"
        } else {
            "sport"
        };
        (address, port)
    }

    /// Name of the chain, and of its set, in ctwatch's own table of nftables.
    #[must_use]
    pub fn nft_name(self, family: Family) -> String {
        let packets = match self {
            Self::Requests => "requests",
            Self::Replies => "replies",
            Self::LocalRequests => "local_requests",
            Self::LocalReplies => "local_replies",
            Self::Tunnelled => "tunnelled",
        };
        match family {
            Family::Ipv4 => format!("{packets}_ip"),
            Family::Ipv6 => format!("{packets}_ip6"),
        }
    }

    /// The raw table's chain, in iptables' words.
    #[must_use]
    pub fn chain(self) -> &'static str {
        match self {
            Self::Requests | Self::LocalReplies => "PREROUTING",
            Self::Replies | Self::LocalRequests | Self::Tunnelled => "OUTPUT",
        }
    }

    /// Whether such packets go to the service, not from it.
    #[must_use]
    pub fn is_request(self) -> bool {
        self.address_is_destination()
    }

    /// Whether the service's address is the packet's destination.
    #[must_use]
    pub fn address_is_destination(self) -> bool {
        matches!(self, Self::Requests | Self::LocalRequests)
    }

    /// Whether the service's port is the packet's destination port.
    #[must_use]
    pub fn port_is_destination(self) -> bool {
        self.address_is_destination() || self == Self::Tunnelled
    }
}

/// Do not track these packets: a rule of the raw table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotrackRule {
    /// Which packets.
    pub direction: Direction,
    /// The service's address.
    pub address: IpAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// The service's port.
    pub port: u16,
}

impl NotrackRule {
    /// Address family.
    #[must_use]
    pub fn family(&self) -> Family {
        family_of(self.address)
    }
}

/// Let packets through that a ruleset dropped once they are untracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptRule {
    /// Table; of nftables' own with its family, `inet filter`.
    pub table: String,
    /// Base chain.
    pub chain: String,
    /// Number of the rule to stand before, counted from 1; `None` to stand last, just before the policy.
    pub before: Option<usize>,
    /// The handle of that rule, where the table is one of nftables' own.
    pub handle: Option<u64>,
    /// Which packets.
    pub packets: Accepted,
}

/// Packets an [`AcceptRule`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepted {
    /// Untracked packets of a service, in one direction.
    Untracked(NotrackRule),
    /// "Fragmentation needed" or "packet too big" for an address: about an untracked flow it is INVALID, and without
    /// it path MTU discovery fails.
    TooBig(IpAddr),
}

impl AcceptRule {
    /// Whether it stands in a table of nftables' own, which `iptables` does not edit.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.table.contains(' ')
    }

    /// Address family.
    #[must_use]
    pub fn family(&self) -> Family {
        match self.packets {
            Accepted::Untracked(rule) => rule.family(),
            Accepted::TooBig(address) => family_of(address),
        }
    }
}

impl Accepted {
    /// The service's address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Untracked(rule) => rule.address,
            Self::TooBig(address) => *address,
        }
    }
}

fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    }
}
