//! Packets of a pcapng file (draft-ietf-opsawg-pcapng), read here and not by ctwatch.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// `LINKTYPE_RAW`
const RAW: u16 = 101;

/// A packet.
#[derive(Debug)]
pub(crate) struct Packet {
    /// Name of its interface.
    pub(crate) interface: String,
    /// From the IP header on.
    pub(crate) bytes: Vec<u8>,
    /// As it was on the wire.
    pub(crate) length: u32,
    /// Comment.
    pub(crate) comment: String,
}

impl Packet {
    /// Destination port of an IPv4 packet without options.
    pub(crate) fn destination_port(&self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(22..)?.first_chunk()?))
    }
}

/// All packets of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Packet>> {
    let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut rest = file.as_slice();
    let (mut interfaces, mut packets) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let length = usize::try_from(word(rest, 4)?)?;
        let block = rest.get(..length).context("a block is cut off")?;
        if length < 12 || word(block, length - 4)? != word(block, 4)? {
            bail!("a block of {length} bytes ends with another length");
        }
        let body = &block[8..length - 4];
        match word(block, 0)? {
            SECTION_HEADER => {}
            INTERFACE_DESCRIPTION => {
                if word(body, 0)? as u16 != RAW {
                    bail!("an interface is not of link type RAW");
                }
                interfaces.push(option(&body[8..], 2)?.context("an interface without a name")?);
            }
            ENHANCED_PACKET => packets.push(packet(body, &interfaces)?),
            kind => bail!("a block of type {kind}"),
        }
        rest = &rest[length..];
    }
    Ok(packets)
}

fn packet(body: &[u8], interfaces: &[String]) -> Result<Packet> {
    let interface = usize::try_from(word(body, 0)?)?;
    let kept = usize::try_from(word(body, 12)?)?;
    let bytes = body.get(20..20 + kept).context("a packet is cut off")?;
    let options = body.get(20 + kept.next_multiple_of(4)..);
    Ok(Packet {
        interface: interfaces
            .get(interface)
            .context("no such interface")?
            .clone(),
        bytes: bytes.to_vec(),
        length: word(body, 16)?,
        comment: option(options.context("no options")?, 1)?.context("no comment")?,
    })
}

/// The text of an option, if it is there.
fn option(mut options: &[u8], wanted: u16) -> Result<Option<String>> {
    loop {
        let head = word(options, 0)?;
        let (code, length) = (head as u16, usize::from((head >> 16) as u16));
        let value = options.get(4..4 + length).context("an option is cut off")?;
        match code {
            0 => return Ok(None),
            code if code == wanted => return Ok(Some(String::from_utf8(value.to_vec())?)),
            _ => options = &options[4 + length.next_multiple_of(4)..],
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let word = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    Ok(u32::from_le_bytes(*word.context("a file is cut off")?))
}
