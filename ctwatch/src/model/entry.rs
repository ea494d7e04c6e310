//! One entry of the connection tracking table.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    endpoint::{Family, Protocol},
    status,
};

/// One direction of an entry (`struct nf_conntrack_tuple`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port; as in the kernel's union, ICMP's identifier and GRE's key lie here too. 0 for other protocols.
    pub source_port: u16,
    /// Destination port; of ICMP the type in the high byte and the code in the low one; GRE's key. 0 for other
    /// protocols. [`Protocol::has_ports`] tells whether it is a port.
    pub destination_port: u16,
}

impl Tuple {
    /// The tuple that replies carry when nothing is translated (not so for ICMP, whose type changes).
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
    /// Status bits ([`super::status`]).
    pub status: u32,
    /// Seconds until it expires; `None` where the dump does not tell.
    pub timeout_seconds: Option<u32>,
    /// `connmark`; 0 when unset.
    pub mark: u32,
    /// Zone of both directions, or of the one that has one; 0 when unset.
    pub zone: u16,
    /// Helper by name.
    pub helper: Option<String>,
    /// Whether it has a master, was expected, or carries a secmark: things NOTRACK would break.
    pub expected: bool,
    /// Whether connlabels are set.
    pub labelled: bool,
}

impl Entry {
    /// Whether all these bits of [`super::status`] are set.
    #[must_use]
    pub fn has(&self, bits: u32) -> bool {
        self.status & bits == bits
    }

    /// Whether a reply was seen.
    #[must_use]
    pub fn is_replied(&self) -> bool {
        self.has(status::SEEN_REPLY)
    }

    /// Whether the source is translated: the status says so, or replies go to another address or port than the
    /// client's.
    #[must_use]
    pub fn is_source_translated(&self) -> bool {
        self.has(status::SRC_NAT)
            || self.reply.destination != self.original.source
            || (self.protocol.has_ports()
                && self.reply.destination_port != self.original.source_port)
    }

    /// Whether the destination is translated: the status says so, or replies come from another address or port
    /// than the one the client spoke to.
    #[must_use]
    pub fn is_destination_translated(&self) -> bool {
        self.has(status::DST_NAT)
            || self.reply.source != self.original.destination
            || (self.protocol.has_ports()
                && self.reply.source_port != self.original.destination_port)
    }
}

/// An entry with its `CTA_ID`, which tells it from a later one of the same tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The entry.
    pub entry: Entry,
    /// Its number.
    pub id: u32,
}

/// A protocol state, as an index into [`State::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(pub u8);

/// Where `enum sctp_conntrack` is found in [`State::NAMES`].
const SCTP: [u8; 10] = [0, 10, 11, 12, 3, 13, 14, 15, 16, 17];
/// Where `enum ct_dccp_states` is found in [`State::NAMES`].
const DCCP: [u8; 10] = [0, 18, 19, 20, 21, 22, 23, 24, 25, 26];

impl State {
    /// TCP states first, in the kernel's order (`enum tcp_conntrack`), then those SCTP and DCCP add.
    pub const NAMES: [&'static str; 27] = [
        "NONE",
        "SYN_SENT",
        "SYN_RECV",
        "ESTABLISHED",
        "FIN_WAIT",
        "CLOSE_WAIT",
        "LAST_ACK",
        "TIME_WAIT",
        "CLOSE",
        "SYN_SENT2",
        "CLOSED",
        "COOKIE_WAIT",
        "COOKIE_ECHOED",
        "SHUTDOWN_SENT",
        "SHUTDOWN_RECD",
        "SHUTDOWN_ACK_SENT",
        "HEARTBEAT_SENT",
        "HEARTBEAT_ACKED",
        "REQUEST",
        "RESPOND",
        "PARTOPEN",
        "OPEN",
        "CLOSEREQ",
        "CLOSING",
        "TIMEWAIT",
        "IGNORE",
        "INVALID",
    ];

    /// The state that the kernel numbers so (`enum tcp_conntrack`); `None` for a number it does not have.
    #[must_use]
    pub fn tcp(number: u8) -> Option<Self> {
        (usize::from(number) < ctwatch_common::tcp::COUNT).then_some(Self(number))
    }

    /// The state that the kernel numbers so (`enum sctp_conntrack`).
    #[must_use]
    pub fn sctp(number: u8) -> Option<Self> {
        SCTP.get(usize::from(number)).copied().map(Self)
    }

    /// The state that the kernel numbers so (`enum ct_dccp_states`).
    #[must_use]
    pub fn dccp(number: u8) -> Option<Self> {
        DCCP.get(usize::from(number)).copied().map(Self)
    }

    /// The state of that name, as the kernel and conntrack-tools print it.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let at = |number: usize| (Self::NAMES[number].as_bytes() == name).then_some(number);
        // Listings consist of these for the most part.
        let found = match name {
            b"TIME_WAIT" => Some(7),
            b"ESTABLISHED" => Some(3),
            b"CLOSE_WAIT" => Some(5),
            _ => (0..Self::NAMES.len()).find_map(at),
        };
        found.map(|number| Self(number as u8))
    }

    /// The name conntrack-tools prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .get(usize::from(self.0))
            .copied()
            .unwrap_or("UNKNOWN")
    }
}

/// As `conntrack -L` prints it, less what an [`Entry`] does not hold: packet and byte counters, secmark, age,
/// labels and use count. A zone of one direction is printed as if it were of both.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.protocol.name().unwrap_or("unknown");
        write!(f, "{name:<8} {}", self.protocol.0)?;
        if let Some(seconds) = self.timeout_seconds {
            write!(f, " {seconds}")?;
        }
        if let Some(state) = self.state {
            write!(f, " {}", state.name())?;
        }
        self.write_tuple(f, &self.original)?;
        if !self.is_replied() {
            f.write_str(" [UNREPLIED]")?;
        }
        self.write_tuple(f, &self.reply)?;
        if self.has(status::HW_OFFLOAD) {
            f.write_str(" [HW_OFFLOAD]")?;
        } else if self.has(status::OFFLOAD) {
            f.write_str(" [OFFLOAD]")?;
        } else if self.has(status::ASSURED) {
            f.write_str(" [ASSURED]")?;
        }
        write!(f, " mark={}", self.mark)?;
        if self.zone != 0 {
            write!(f, " zone={}", self.zone)?;
        }
        if let Some(helper) = &self.helper {
            write!(f, " helper={helper}")?;
        }
        Ok(())
    }
}

impl Entry {
    fn write_tuple(&self, f: &mut fmt::Formatter<'_>, tuple: &Tuple) -> fmt::Result {
        write!(f, " src={} dst={}", tuple.source, tuple.destination)?;
        let (source, destination) = (tuple.source_port, tuple.destination_port);
        match self.protocol {
            Protocol::ICMP | Protocol::ICMPV6 => {
                let [kind, code] = destination.to_be_bytes();
                write!(f, " type={kind} code={code} id={source}")
            }
            Protocol::GRE => write!(f, " srckey={source:#x} dstkey={destination:#x}"),
            protocol if protocol.has_ports() => {
                write!(f, " sport={source} dport={destination}")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DCCP, SCTP, State};

    #[test]
    fn tcp_states_keep_the_kernel_sides_numbers() {
        assert_eq!(
            State::NAMES[..ctwatch_common::tcp::COUNT],
            ctwatch_common::tcp::NAMES
        );
        assert_eq!(State::tcp(10), None);
    }

    #[test]
    fn every_name_gives_its_state_back() {
        for (number, name) in State::NAMES.iter().enumerate() {
            let state = State::from_name(name.as_bytes());
            assert_eq!(state.map(|state| usize::from(state.0)), Some(number));
        }
        assert_eq!(State::from_name(b"TIME_WAI"), None);
    }

    #[test]
    fn every_state_of_sctp_and_dccp_has_a_name() {
        for number in SCTP.iter().chain(&DCCP) {
            assert_ne!(State(*number).name(), "UNKNOWN");
        }
        assert_eq!(State::sctp(4).map(State::name), Some("ESTABLISHED"));
        assert_eq!(State::dccp(7).map(State::name), Some("TIMEWAIT"));
        assert_eq!((State::sctp(10), State::dccp(255)), (None, None));
    }
}
