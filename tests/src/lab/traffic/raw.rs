//! UDP datagrams whose headers are made here: as many flows as there are source ports, from one socket.

use std::{net::Ipv4Addr, os::fd::AsRawFd as _};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

/// Sends from any port of an address without binding it.
pub(crate) struct Sender {
    socket: std::os::fd::OwnedFd,
    from: Ipv4Addr,
}

impl Sender {
    /// In the calling thread's namespace.
    pub(crate) fn open(from: Ipv4Addr) -> Result<Self> {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Raw,
        )
        .context("no raw socket")?;
        Ok(Self { socket, from })
    }

    /// One datagram of one byte.
    pub(crate) fn send(&self, source: u16, to: Ipv4Addr, port: u16) -> Result<()> {
        let packet = packet(self.from, source, to, port);
        let to = SockaddrIn::from(std::net::SocketAddrV4::new(to, 0));
        sendto(self.socket.as_raw_fd(), &packet, &to, MsgFlags::empty()).context("cannot send")?;
        Ok(())
    }
}

/// IPv4 header (RFC 791), whose length, identification and checksum the kernel fills in (raw(7)), and UDP header
/// (RFC 768) without a checksum.
fn packet(from: Ipv4Addr, source: u16, to: Ipv4Addr, port: u16) -> [u8; 29] {
    let mut packet = [0; 29];
    packet[0] = 0x45;
    packet[8] = 64;
    packet[9] = 17;
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    packet[20..22].copy_from_slice(&source.to_be_bytes());
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    packet[24..26].copy_from_slice(&9u16.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_lie_behind_the_addresses() {
        let packet = packet(
            Ipv4Addr::new(10, 9, 0, 2),
            0x1234,
            Ipv4Addr::new(10, 9, 0, 1),
            53,
        );
        assert_eq!(
            packet[12..24],
            [10, 9, 0, 2, 10, 9, 0, 1, 0x12, 0x34, 0, 53]
        );
        assert_eq!(packet[24..], [0, 9, 0, 0, 0]);
    }
}
