//! What entries are counted under.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// A network namespace. The cookie is never reused while a kernel runs; the inode, which people see in
/// `ls -l /proc/PID/ns/net`, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Netns {
    /// `net->net_cookie`; 0 where the source does not know it.
    pub cookie: u64,
    /// `net->ns.inum`.
    pub inode: u32,
}

/// Address family of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `AF_INET`
    Ipv4,
    /// `AF_INET6`
    Ipv6,
}

/// Transport protocol, as an IP protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// GRE.
    pub const GRE: Self = Self(47);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);
    /// SCTP.
    pub const SCTP: Self = Self(132);
    /// DCCP.
    pub const DCCP: Self = Self(33);

    /// The name conntrack-tools prints, or `None` for a protocol it calls `unknown`.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            33 => "dccp",
            47 => "gre",
            58 => "icmpv6",
            132 => "sctp",
            136 => "udplite",
            _ => return None,
        })
    }

    /// The protocol of that name, as conntrack-tools prints it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        (0..=255)
            .map(Self)
            .find(|protocol| protocol.name() == Some(name))
    }

    /// Whether tuples of this protocol carry ports.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&self.0.to_string()),
        }
    }
}

/// How the original direction of an entry passes the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To one of the node's own addresses from elsewhere.
    Inbound,
    /// From one of the node's own addresses to elsewhere.
    Outbound,
    /// Neither end is the node's.
    Forwarded,
    /// Both ends are the node's.
    Loopback,
    /// VXLAN or Geneve between this node and another.
    Encapsulation,
}

impl Role {
    /// The word of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Forwarded => "forwarded",
            Self::Loopback => "loopback",
            Self::Encapsulation => "encapsulation",
        }
    }
}

/// Everything that shares these is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// Network namespace.
    pub netns: Netns,
    /// Address family.
    pub family: Family,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Role; `None` when the namespace's addresses had not been read.
    pub role: Option<Role>,
    /// Destination port of the original direction, before DNAT; 0 for protocols without ports.
    pub port: u16,
    /// The service address where it is one of the node's own.
    pub address: Option<IpAddr>,
}
