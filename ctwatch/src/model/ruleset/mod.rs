//! A packet filter's rules as `iptables-save` and `nft -j list ruleset` tell them.
//!
//! What is not understood is kept word for word and marked unknown: whoever walks the rules must treat an unknown
//! match as one that may match, and an unknown target as one that may do anything.

use std::net::IpAddr;

use super::{
    endpoint::{Family, Netns},
    ipvs::IpvsTable,
    node::RulesetKind,
    notrack::NotrackRule,
};

mod condition;
mod rule;
mod table;

pub use condition::{Condition, Match};
pub use rule::{Effect, Need, Rule, Target};
pub use table::{Base, Chain, Hook, Policy, Table};

/// How the names of chains begin that ctwatch makes in tables of iptables.
pub const OWN_CHAINS: &str = "CTWATCH-";

/// All tables of one family and one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// Address family.
    pub family: Family,
    /// Which kernel interface holds the rules; `None` where the text does not say.
    pub backend: Option<XtablesBackend>,
    /// Tables in the order they were printed.
    pub tables: Vec<Table>,
}

impl Ruleset {
    /// A chain by table and name.
    #[must_use]
    pub fn chain(&self, table: &str, chain: &str) -> Option<&Chain> {
        self.table(table)?.chain(chain)
    }

    /// A table by name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// Which of the two implementations behind the `iptables` commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XtablesBackend {
    /// iptables-nft: the rules are nftables rules as well.
    Nft,
    /// iptables-legacy: `x_tables`, which nft does not see.
    Legacy,
}

/// An address with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// `None` when the length exceeds the address.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let widest = if address.is_ipv4() { 32 } else { 128 };
        (length <= widest).then_some(Self { address, length })
    }

    /// Whether an address lies within it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.length);
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.length);
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// The address, where it is a single one.
    #[must_use]
    pub fn host(&self) -> Option<IpAddr> {
        let all = if self.address.is_ipv4() { 32 } else { 128 };
        (self.length == all).then_some(self.address)
    }

    /// Whether it contains every address.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.length == 0
    }

    /// Whether it lies within 127.0.0.0/8, or is ::1.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let least = if self.address.is_ipv4() { 8 } else { 128 };
        self.address.is_loopback() && self.length >= least
    }

    /// Address family.
    #[must_use]
    pub fn family(&self) -> Family {
        match self.address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }
}

/// States of a packet that `-m conntrack --ctstate` tells apart, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct States(u8);

impl States {
    /// No entry, although tracking looked at the packet.
    pub const INVALID: Self = Self(1);
    /// The first packet, or the entry saw no reply yet.
    pub const NEW: Self = Self(1 << 1);
    /// Of a connection that saw both directions.
    pub const ESTABLISHED: Self = Self(1 << 2);
    /// An error about, or a connection expected by, another.
    pub const RELATED: Self = Self(1 << 3);
    /// Marked by NOTRACK.
    pub const UNTRACKED: Self = Self(1 << 4);
    /// The source is translated.
    pub const SNAT: Self = Self(1 << 5);
    /// The destination is translated.
    pub const DNAT: Self = Self(1 << 6);

    /// The state of that name, as iptables prints it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "INVALID" => Self::INVALID,
            "NEW" => Self::NEW,
            "ESTABLISHED" => Self::ESTABLISHED,
            "RELATED" => Self::RELATED,
            "UNTRACKED" => Self::UNTRACKED,
            "SNAT" => Self::SNAT,
            "DNAT" => Self::DNAT,
            _ => return None,
        })
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets share a state.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A ruleset after reading, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRuleset {
    /// Namespace whose packets it concerns; `None` for a file that does not say: the recorder's own.
    pub netns: Option<Netns>,
    /// Program that printed it.
    pub kind: RulesetKind,
    /// For people: the program's name, or the file's.
    pub origin: String,
    /// What it says, or why it could not be read.
    pub content: Result<Content, String>,
}

/// What a ruleset says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Rules of iptables or ip6tables.
    Xtables(Ruleset),
    /// nftables.
    Nft(NftRuleset),
    /// IPVS's services.
    Ipvs(IpvsTable),
}

/// What `nft -j list ruleset` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NftRuleset {
    /// Tables, without ctwatch's own where it is as ctwatch makes it.
    pub tables: Vec<NftTable>,
    /// Rules of ctwatch's own table.
    pub own: Vec<NotrackRule>,
}

/// A table of nftables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NftTable {
    /// `ip`, `ip6`, `inet`, `arp`, `bridge` or `netdev`.
    pub family: String,
    /// Name.
    pub name: String,
    /// Its chains and rules.
    pub rules: Table,
}
