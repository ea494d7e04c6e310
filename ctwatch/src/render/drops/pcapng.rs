//! Packets of refused connections as Wireshark opens them: pcapng (draft-ietf-opsawg-pcapng), little-endian. A section
//! header, an interface for each network namespace, and the packets, each with a comment that says why it is here.

use super::{
    netns,
    tuple::{arrow, other},
};
use crate::{
    analysis::drops::Explained,
    model::{
        endpoint::Netns,
        event::{Packet, Reason},
    },
};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// Tells the order of bytes.
const MAGIC: u32 = 0x1a2b_3c4d;

/// `LINKTYPE_RAW`: packets begin with their IPv4 or IPv6 header.
const RAW: u16 = 101;

/// Options by number.
const COMMENT: u16 = 1;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;

/// Timestamps count 10⁻⁹ s.
const NANOSECONDS: u8 = 9;

/// The part of a file that has been made so far: which namespaces have their interface.
#[derive(Clone, Debug, Default)]
pub struct Pcapng {
    interfaces: Vec<Netns>,
}

impl Pcapng {
    /// What a file begins with: the system that the packets were seen on, and the program that saw them.
    #[must_use]
    pub fn begin(system: &str, program: &str) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(MAGIC.to_le_bytes());
        // Version 1.0, of a section whose length is not known.
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend((-1_i64).to_le_bytes());
        option(&mut body, SHB_OS, system.as_bytes());
        option(&mut body, SHB_USERAPPL, program.as_bytes());
        block(SECTION_HEADER, body)
    }

    /// The blocks of an event, its namespace's interface first where it is new; `None` without a packet.
    pub fn add(&mut self, explained: &Explained) -> Option<Vec<u8>> {
        let packet = explained.event.packet.as_ref()?;
        let (interface, mut blocks) = self.interface(explained);
        blocks.extend(enhanced_packet(interface, packet, explained));
        Some(blocks)
    }

    /// The number of an event's interface, and its block where there was none.
    fn interface(&mut self, explained: &Explained) -> (u32, Vec<u8>) {
        let wanted = explained.event.endpoint.netns;
        let known = self.interfaces.iter().position(|netns| *netns == wanted);
        let place = known.unwrap_or(self.interfaces.len());
        let mut blocks = Vec::new();
        if known.is_none() {
            self.interfaces.push(wanted);
            blocks = interface_description(explained);
        }
        // There are not so many namespaces as an u32 has numbers.
        (u32::try_from(place).unwrap_or(u32::MAX), blocks)
    }
}

fn interface_description(explained: &Explained) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(RAW.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend((ctwatch_common::event::PACKET_BYTES as u32).to_le_bytes());
    option(&mut body, IF_NAME, netns(explained).as_bytes());
    let inode = explained.event.endpoint.netns.inode;
    let description = format!("network namespace {inode}");
    option(&mut body, IF_DESCRIPTION, description.as_bytes());
    option(&mut body, IF_TSRESOL, &[NANOSECONDS]);
    block(INTERFACE_DESCRIPTION, body)
}

fn enhanced_packet(interface: u32, packet: &Packet, explained: &Explained) -> Vec<u8> {
    let time = u64::try_from(explained.event.at_ns).unwrap_or(0);
    let kept = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
    let fields = [
        interface,
        (time >> 32) as u32,
        time as u32,
        kept,
        // A reader takes what is longer than the packet for damage.
        packet.whole_length.max(kept),
    ];
    let mut body: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
    body.extend(&packet.bytes);
    pad(&mut body);
    option(&mut body, COMMENT, comment(explained).as_bytes());
    block(ENHANCED_PACKET, body)
}

/// `clash; netns blue (4026532008); forwarded; zone 0; cpu 1; 192.0.2.1:4000 > 192.0.2.2:53; after udp …`
fn comment(explained: &Explained) -> String {
    let event = &explained.event;
    let netns = match &explained.netns_name {
        Some(name) => format!("{name} ({})", event.endpoint.netns.inode),
        None => event.endpoint.netns.inode.to_string(),
    };
    let role = event.endpoint.role.map_or("-", |role| role.as_str());
    let zone = event
        .zone
        .map_or_else(|| "-".to_owned(), |zone| zone.to_string());
    let original = arrow(event.endpoint.protocol, &event.original);
    let mut text = format!(
        "{}; netns {netns}; {role}; zone {zone}; cpu {}; {original}",
        event.reason, event.cpu
    );
    match event.reason {
        Reason::Clash => text.push_str(&format!("; after {}", other(event))),
        Reason::NatExhausted => text.push_str(&format!("; taken by {}", other(event))),
        _ => {}
    }
    text
}

/// Appends an option. What is longer than an option can be is cut off; nothing here is.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(&value[..length.into()]);
    pad(body);
}

/// To a multiple of four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A block of options that end here: type, length of the whole, body, and the length again.
fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
    // opt_endofopt
    body.extend([0; 4]);
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX);
    let mut block = Vec::with_capacity(body.len() + 12);
    block.extend(kind.to_le_bytes());
    block.extend(length.to_le_bytes());
    block.extend(body);
    block.extend(length.to_le_bytes());
    block
}
