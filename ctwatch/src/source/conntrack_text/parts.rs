//! An entry while its line is read.

use std::net::IpAddr;

use super::damage::What;
use crate::model::{
    endpoint::{Family, Protocol},
    entry::{Entry, State, Tuple},
    listed::{Carried, Listed},
    status,
};

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Direction {
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    /// Of ICMP the identifier, of GRE the key.
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    /// ICMP's, which share the destination port's place.
    pub(super) kind: Option<u8>,
    pub(super) code: u8,
    pub(super) packets: Option<u64>,
    pub(super) bytes: u64,
}

/// All that lines tell.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) protocol: Protocol,
    pub(super) directions: [Direction; 2],
    pub(super) state: Option<State>,
    pub(super) status: u32,
    pub(super) timeout_seconds: Option<u32>,
    pub(super) mark: u32,
    pub(super) zone: u16,
    pub(super) helper: Option<&'a [u8]>,
    pub(super) has_security_mark: bool,
    pub(super) labelled: bool,
    pub(super) age_seconds: Option<u64>,
    /// The first word that is not understood.
    pub(super) unknown: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Of a protocol; a reply was seen unless the line says otherwise.
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            directions: [Direction::default(); 2],
            state: None,
            status: status::SEEN_REPLY,
            timeout_seconds: None,
            mark: 0,
            zone: 0,
            helper: None,
            has_security_mark: false,
            labelled: false,
            age_seconds: None,
            unknown: None,
        }
    }

    /// Keeps the first word that is not understood.
    pub(super) fn not_understood(&mut self, word: &'a [u8]) {
        self.unknown.get_or_insert(word);
    }

    /// Writes the entry in the place of another: an entry is large, and moving it takes a tenth of the time of reading
    /// its line. Gives the word that is not understood.
    pub(super) fn write(&self, listed: &mut Listed) -> Result<Option<&'a [u8]>, What> {
        let [original, reply] = &self.directions;
        let entry = &mut listed.entry;
        entry.original = original.tuple(self.protocol).ok_or(What::Incomplete)?;
        entry.reply = reply.tuple(self.protocol).ok_or(What::Incomplete)?;
        entry.family = family(&entry.original)
            .filter(|family| Some(*family) == self::family(&entry.reply))
            .ok_or(What::MixedFamilies)?;
        entry.protocol = self.protocol;
        entry.state = self.state;
        entry.status = self.status;
        entry.timeout_seconds = self.timeout_seconds;
        entry.mark = self.mark;
        entry.zone = self.zone;
        entry.helper = self.helper.map(|name| String::from_utf8_lossy(name).into());
        entry.expected = self.has_security_mark;
        entry.labelled = self.labelled;
        listed.original = original.carried();
        listed.reply = reply.carried();
        listed.age_seconds = self.age_seconds;
        Ok(self.unknown)
    }
}

/// An entry to write others over.
#[must_use]
pub fn blank() -> Listed {
    let nowhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let tuple = Tuple {
        source: nowhere,
        destination: nowhere,
        source_port: 0,
        destination_port: 0,
    };
    Listed {
        entry: Entry {
            family: Family::Ipv4,
            protocol: Protocol(0),
            original: tuple,
            reply: tuple,
            state: None,
            status: 0,
            timeout_seconds: None,
            mark: 0,
            zone: 0,
            helper: None,
            expected: false,
            labelled: false,
        },
        original: None,
        reply: None,
        age_seconds: None,
    }
}

/// `None` where the ends are not of one family.
fn family(tuple: &Tuple) -> Option<Family> {
    match (tuple.source, tuple.destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) => Some(Family::Ipv4),
        (IpAddr::V6(_), IpAddr::V6(_)) => Some(Family::Ipv6),
        _ => None,
    }
}

impl Direction {
    fn tuple(&self, protocol: Protocol) -> Option<Tuple> {
        let (source_port, destination_port) = match protocol {
            Protocol::ICMP | Protocol::ICMPV6 => {
                let destination = u16::from_be_bytes([self.kind?, self.code]);
                (self.source_port.unwrap_or(0), destination)
            }
            protocol if protocol.has_ports() => (self.source_port?, self.destination_port?),
            _ => (
                self.source_port.unwrap_or(0),
                self.destination_port.unwrap_or(0),
            ),
        };
        Some(Tuple {
            source: self.source?,
            destination: self.destination?,
            source_port,
            destination_port,
        })
    }

    fn carried(&self) -> Option<Carried> {
        let bytes = self.bytes;
        self.packets.map(|packets| Carried { packets, bytes })
    }
}
