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

/// An entry, and what of its line is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The entry.
    pub listed: Listed,
    /// The first word that is not understood.
    pub unknown: Option<&'a [u8]>,
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

    /// The entry.
    pub(super) fn line(self) -> Result<Line<'a>, What> {
        let [original, reply] = self.directions;
        let original_tuple = original.tuple(self.protocol).ok_or(What::Incomplete)?;
        let reply_tuple = reply.tuple(self.protocol).ok_or(What::Incomplete)?;
        let family = family(&original_tuple)
            .filter(|family| Some(*family) == self::family(&reply_tuple))
            .ok_or(What::MixedFamilies)?;
        let helper = self.helper.map(|name| String::from_utf8_lossy(name).into());
        let entry = Entry {
            family,
            protocol: self.protocol,
            original: original_tuple,
            reply: reply_tuple,
            state: self.state,
            status: self.status,
            timeout_seconds: self.timeout_seconds,
            mark: self.mark,
            zone: self.zone,
            helper,
            expected: self.has_security_mark,
            labelled: self.labelled,
        };
        let listed = Listed {
            entry,
            original: original.carried(),
            reply: reply.carried(),
            age_seconds: self.age_seconds,
        };
        Ok(Line {
            listed,
            unknown: self.unknown,
        })
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
