//! One entry, from the attributes that `ctnetlink_fill_info` writes.

use std::net::IpAddr;

use super::{
    Malformed,
    attribute::{Attribute, Attributes},
};
use crate::model::{
    endpoint::{Family, Protocol},
    entry::{Entry, State, Tuple},
};

/// `struct nfgenmsg`: family, version, resource.
const NFGENMSG: usize = 4;

/// `enum ctattr_type`
pub(super) mod cta {
    pub(in crate::source::netlink) const TUPLE_ORIG: u16 = 1;
    pub(in crate::source::netlink) const TUPLE_REPLY: u16 = 2;
    pub(in crate::source::netlink) const STATUS: u16 = 3;
    pub(in crate::source::netlink) const PROTOINFO: u16 = 4;
    pub(in crate::source::netlink) const HELP: u16 = 5;
    pub(in crate::source::netlink) const TIMEOUT: u16 = 7;
    pub(in crate::source::netlink) const MARK: u16 = 8;
    pub(in crate::source::netlink) const ID: u16 = 12;
    pub(in crate::source::netlink) const TUPLE_MASTER: u16 = 14;
    pub(in crate::source::netlink) const ZONE: u16 = 18;
    pub(in crate::source::netlink) const SECCTX: u16 = 19;
    pub(in crate::source::netlink) const LABELS: u16 = 22;
}

/// A tuple that is being read.
#[derive(Default)]
struct Parts {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    protocol: Option<u8>,
    source_port: u16,
    destination_port: u16,
    zone: u16,
}

/// Reads the payload of an `IPCTNL_MSG_CT_NEW` message: an entry and its `CTA_ID`, which few others have while it
/// lives.
pub(super) fn parse(message: &[u8]) -> Result<(Entry, u32), Malformed> {
    let mut attributes = Attributes::new(
        message
            .get(NFGENMSG..)
            .ok_or(Malformed("an entry has no header"))?,
    );
    let (mut original, mut reply) = (Parts::default(), Parts::default());
    let (mut entry, mut id) = (empty(), 0);
    while let Some(attribute) = attributes.next()? {
        match attribute.kind {
            cta::TUPLE_ORIG => original = parts(attribute.nested())?,
            cta::TUPLE_REPLY => reply = parts(attribute.nested())?,
            cta::STATUS => entry.status = attribute.be32()?,
            cta::PROTOINFO => entry.state = state(attribute.nested())?,
            cta::HELP => entry.helper = helper(attribute.nested())?,
            cta::TIMEOUT => entry.timeout_seconds = Some(attribute.be32()?),
            cta::MARK => entry.mark = attribute.be32()?,
            cta::ID => id = attribute.be32()?,
            cta::TUPLE_MASTER => entry.expected = true,
            cta::ZONE => entry.zone = attribute.be16()?,
            cta::SECCTX => entry.expected |= is_labelled(attribute.nested())?,
            // The kernel leaves labels out when none is set.
            cta::LABELS => entry.labelled = true,
            _ => {}
        }
    }
    for zone in [original.zone, reply.zone] {
        if entry.zone == 0 {
            entry.zone = zone;
        }
    }
    entry.protocol = Protocol(original.protocol.ok_or(Malformed("no protocol"))?);
    entry.original = original.tuple()?;
    entry.reply = reply.tuple()?;
    if entry.original.source.is_ipv6() {
        entry.family = Family::Ipv6;
    }
    Ok((entry, id))
}

fn empty() -> Entry {
    let nobody = Tuple {
        source: IpAddr::from([0; 4]),
        destination: IpAddr::from([0; 4]),
        source_port: 0,
        destination_port: 0,
    };
    Entry {
        family: Family::Ipv4,
        protocol: Protocol(0),
        original: nobody,
        reply: nobody,
        state: None,
        status: 0,
        timeout_seconds: None,
        mark: 0,
        zone: 0,
        helper: None,
        expected: false,
        labelled: false,
    }
}

impl Parts {
    fn tuple(&self) -> Result<Tuple, Malformed> {
        match (self.source, self.destination) {
            (Some(source), Some(destination)) if source.is_ipv4() == destination.is_ipv4() => {
                Ok(Tuple {
                    source,
                    destination,
                    source_port: self.source_port,
                    destination_port: self.destination_port,
                })
            }
            _ => Err(Malformed("an entry lacks an address")),
        }
    }
}

/// `CTA_TUPLE_*`
fn parts(mut attributes: Attributes<'_>) -> Result<Parts, Malformed> {
    let mut parts = Parts::default();
    while let Some(attribute) = attributes.next()? {
        match attribute.kind {
            1 => parts.addresses(attribute.nested())?,
            2 => parts.ports(attribute.nested())?,
            3 => parts.zone = attribute.be16()?,
            _ => {}
        }
    }
    Ok(parts)
}

impl Parts {
    /// `CTA_IP_*`
    fn addresses(&mut self, mut attributes: Attributes<'_>) -> Result<(), Malformed> {
        while let Some(attribute) = attributes.next()? {
            match attribute.kind {
                1 => self.source = Some(attribute.bytes::<4>()?.into()),
                2 => self.destination = Some(attribute.bytes::<4>()?.into()),
                3 => self.source = Some(attribute.bytes::<16>()?.into()),
                4 => self.destination = Some(attribute.bytes::<16>()?.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// `CTA_PROTO_*`
    fn ports(&mut self, mut attributes: Attributes<'_>) -> Result<(), Malformed> {
        let (mut kind, mut code) = (0, 0);
        while let Some(attribute) = attributes.next()? {
            match attribute.kind {
                1 => self.protocol = Some(attribute.u8()?),
                2 | 4 | 7 => self.source_port = attribute.be16()?,
                3 => self.destination_port = attribute.be16()?,
                5 | 8 => kind = attribute.u8()?,
                6 | 9 => code = attribute.u8()?,
                _ => {}
            }
        }
        if matches!(
            self.protocol.map(Protocol),
            Some(Protocol::ICMP | Protocol::ICMPV6)
        ) {
            self.destination_port = u16::from_be_bytes([kind, code]);
        }
        Ok(())
    }
}

/// `CTA_PROTOINFO_*`, in each of which attribute 1 is the state.
fn state(mut attributes: Attributes<'_>) -> Result<Option<State>, Malformed> {
    while let Some(protocol) = attributes.next()? {
        let named: fn(u8) -> Option<State> = match protocol.kind {
            1 => State::tcp,
            2 => State::dccp,
            3 => State::sctp,
            _ => continue,
        };
        if let Some(number) = first(protocol.nested())? {
            return Ok(named(number.u8()?));
        }
    }
    Ok(None)
}

/// `CTA_HELP_NAME`
fn helper(attributes: Attributes<'_>) -> Result<Option<String>, Malformed> {
    Ok(first(attributes)?.map(|name| name.text()))
}

/// `CTA_SECCTX_NAME`. Where SELinux runs, every entry has a context; `unlabeled_t` is the one of those that no rule
/// marked.
fn is_labelled(attributes: Attributes<'_>) -> Result<bool, Malformed> {
    Ok(first(attributes)?.is_some_and(|name| !name.text().contains(":unlabeled_t:")))
}

/// The attribute of type 1.
fn first(mut attributes: Attributes<'_>) -> Result<Option<Attribute<'_>>, Malformed> {
    while let Some(attribute) = attributes.next()? {
        if attribute.kind == 1 {
            return Ok(Some(attribute));
        }
    }
    Ok(None)
}
