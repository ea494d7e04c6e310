//! Echo requests, each with an identifier of its own: an entry each.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
    os::fd::AsRawFd as _,
};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrLike, sendto, socket,
};

/// Echo requests (RFC 792) with these identifiers.
pub(crate) fn echo(to: Ipv4Addr, identifiers: Range<u16>) -> Result<()> {
    let to = SockaddrIn::from(std::net::SocketAddrV4::new(to, 0));
    let messages = identifiers.map(|identifier| request(8, identifier));
    send(AddressFamily::Inet, SockProtocol::Icmp, &to, messages)
}

/// Echo requests with a wrong checksum: tracking calls them invalid.
pub(crate) fn garbled(to: Ipv4Addr, identifiers: Range<u16>) -> Result<()> {
    let to = SockaddrIn::from(std::net::SocketAddrV4::new(to, 0));
    let messages = identifiers.map(|identifier| {
        let mut message = request(8, identifier);
        message[2] ^= 1;
        message
    });
    send(AddressFamily::Inet, SockProtocol::Icmp, &to, messages)
}

/// As [`echo`], by ICMPv6 (RFC 4443).
pub(crate) fn echo6(to: Ipv6Addr, identifiers: Range<u16>) -> Result<()> {
    let to = SockaddrIn6::from(std::net::SocketAddrV6::new(to, 0, 0, 0));
    let messages = identifiers.map(|identifier| request(128, identifier));
    send(AddressFamily::Inet6, SockProtocol::IcmpV6, &to, messages)
}

fn send(
    family: AddressFamily,
    protocol: SockProtocol,
    to: &dyn SockaddrLike,
    messages: impl Iterator<Item = [u8; 8]>,
) -> Result<()> {
    let socket =
        socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).context("no raw socket")?;
    for message in messages {
        sendto(socket.as_raw_fd(), &message, to, MsgFlags::empty()).context("cannot send")?;
    }
    Ok(())
}

/// Type, code 0, checksum, identifier, sequence number 1. The kernel replaces an ICMPv6 checksum by the right one.
fn request(kind: u8, identifier: u16) -> [u8; 8] {
    let [high, low] = identifier.to_be_bytes();
    let sum = u32::from(kind) * 256 + u32::from(identifier) + 1;
    let folded = (sum & 0xffff) + (sum >> 16);
    let [c, s] = (!(folded as u16)).to_be_bytes();
    [kind, 0, c, s, high, low, 0, 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_makes_the_ones_complement_sum_all_ones() {
        for identifier in [0, 1, 0x1234, 0xf7fe, 0xffff] {
            let words = request(8, identifier);
            let sum: u32 = words
                .chunks(2)
                .map(|pair| u32::from(pair[0]) * 256 + u32::from(pair[1]))
                .sum();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "{identifier:#x}");
        }
    }
}
