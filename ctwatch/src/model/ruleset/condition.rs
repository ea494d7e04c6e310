//! What a rule looks at.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{Prefix, States};
use crate::model::endpoint::{Family, Protocol};

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Match {
    /// Whether it must not hold.
    pub negated: bool,
    /// The condition.
    pub condition: Condition,
}

impl From<Condition> for Match {
    fn from(condition: Condition) -> Self {
        Self {
            negated: false,
            condition,
        }
    }
}

/// What a match looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `-i`, `iifname`: a name, or a prefix of names that ends in `+`.
    InInterface(String),
    /// `-o`, `oifname`: likewise.
    OutInterface(String),
    /// `-s`, `ip saddr`
    Source(Prefix),
    /// `-d`, `ip daddr`
    Destination(Prefix),
    /// `--src-range`, `ip saddr A-B`: both ends belong to it.
    SourceRange(IpAddr, IpAddr),
    /// `--dst-range`, `ip daddr A-B`
    DestinationRange(IpAddr, IpAddr),
    /// `meta nfproto`
    Family(Family),
    /// `-p`, `meta l4proto`
    Protocol(Protocol),
    /// `--sport`, `--sports`, `th sport`
    SourcePort(Vec<RangeInclusive<u16>>),
    /// `--dport`, `--dports`, `th dport`
    DestinationPort(Vec<RangeInclusive<u16>>),
    /// `--ports`: either of the two.
    EitherPort(Vec<RangeInclusive<u16>>),
    /// `-f`: a fragment that is not the first, after fragments were put together (`NF_IP_PRI_CONNTRACK_DEFRAG`).
    Fragment,
    /// `--syn`: SYN alone of SYN, ACK, RST and FIN.
    Syn,
    /// `--state`, `--ctstate`, `ct state`
    State(States),
    /// `--icmp-type`, `--icmpv6-type`: type, and code unless any will do.
    IcmpType(u8, Option<u8>),
    /// `icmp code`
    IcmpCode(u8),
    /// `--src-type LOCAL`: the source is one of the node's own addresses.
    SourceIsLocal,
    /// `--dst-type LOCAL`
    DestinationIsLocal,
    /// `--src-type UNICAST`: the source is an address elsewhere.
    SourceIsUnicast,
    /// `--dst-type UNICAST`
    DestinationIsUnicast,
    /// The bits of the packet's mark that `mask` has are `value`.
    Mark {
        /// Bits as they must be.
        value: u32,
        /// Bits that count.
        mask: u32,
    },
    /// `--ctdir`, `ct direction`: whether the packet goes the entry's original way, or the reply's.
    Original {
        /// The original way is asked for.
        original: bool,
        /// What a packet without an entry gets, negated or not.
        without: bool,
    },
    /// Something of the packet's entry, word for word, that is not understood. Without an entry the whole condition,
    /// negation and all, is `without`.
    Entry {
        /// The words.
        text: String,
        /// What a packet without an entry gets.
        without: bool,
    },
    /// Something of the packet's ends or way that tracking does not change, word for word: what holds for one packet
    /// holds for all that go the same direction of its flow.
    Flow(String),
    /// Something of this one packet that tracking does not change, word for word: the next packet of the flow may have
    /// it otherwise.
    Packet(String),
    /// Any of these holds; each is a list of which all must hold. None of none holds.
    Any(Vec<Vec<Match>>),
    /// Anything else, word for word.
    Unknown(String),
}
