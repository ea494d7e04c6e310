//! One entry of the connection tracking table.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::endpoint::{Family, Protocol};

/// One direction of an entry (`struct nf_conntrack_tuple`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port; 0 for protocols without ports.
    pub source_port: u16,
    /// Destination port; 0 for protocols without ports.
    pub destination_port: u16,
}

impl Tuple {
    /// The tuple that replies carry when nothing is translated.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }
}

/// What an entry is, as far as a dump tells. Status bits are those of `enum ip_conntrack_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Address family.
    pub family: Family,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Original direction: destination port is the service's, before DNAT.
    pub original: Tuple,
    /// Reply direction: source is the backend after DNAT.
    pub reply: Tuple,
    /// TCP (or SCTP, DCCP) state as conntrack-tools names it; `None` for protocols without.
    pub state: Option<State>,
    /// Status bits (`ctwatch_common::layout::status`).
    pub status: u32,
    /// Seconds until it expires; `None` where the dump does not tell.
    pub timeout_seconds: Option<u32>,
    /// `connmark`; 0 when unset.
    pub mark: u32,
    /// Zone of the original direction; 0 when unset.
    pub zone: u16,
    /// Helper by name.
    pub helper: Option<String>,
    /// Whether it has a master, is expected, or carries labels or a secmark: things NOTRACK would break.
    pub expected: bool,
    /// Whether connlabels are set.
    pub labelled: bool,
}

/// A protocol state, as an index into [`State::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub u8);

impl State {
    /// TCP states first, in the kernel's order (`enum tcp_conntrack`), then those other protocols add.
    pub const NAMES: [&'static str; 10] = ctwatch_common::tcp::NAMES;

    /// The name conntrack-tools prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .get(usize::from(self.0))
            .copied()
            .unwrap_or("UNKNOWN")
    }
}
