//! TCP segments whose headers are made here, so that a connection can be brought to any state: no socket answers.

use std::{net::Ipv4Addr, os::fd::AsRawFd as _};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// One end of connections.
pub(crate) struct End {
    socket: std::os::fd::OwnedFd,
    from: Ipv4Addr,
    to: Ipv4Addr,
}

impl End {
    /// In the calling thread's namespace.
    pub(crate) fn open(from: Ipv4Addr, to: Ipv4Addr) -> Result<Self> {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Raw,
        )
        .context("no raw socket")?;
        Ok(Self { socket, from, to })
    }

    /// A segment without data, and without a checksum: the tracker is told not to look at that
    /// (`nf_conntrack_checksum`).
    pub(crate) fn send(&self, ports: (u16, u16), flags: u8, numbers: (u32, u32)) -> Result<()> {
        let mut packet = [0; 40];
        packet[0] = 0x45;
        packet[8] = 64;
        packet[9] = 6;
        packet[12..16].copy_from_slice(&self.from.octets());
        packet[16..20].copy_from_slice(&self.to.octets());
        packet[20..22].copy_from_slice(&ports.0.to_be_bytes());
        packet[22..24].copy_from_slice(&ports.1.to_be_bytes());
        packet[24..28].copy_from_slice(&numbers.0.to_be_bytes());
        packet[28..32].copy_from_slice(&numbers.1.to_be_bytes());
        packet[32] = 5 << 4;
        packet[33] = flags;
        packet[34..36].copy_from_slice(&8192u16.to_be_bytes());
        let to = SockaddrIn::from(std::net::SocketAddrV4::new(self.to, 0));
        sendto(self.socket.as_raw_fd(), &packet, &to, MsgFlags::empty()).context("cannot send")?;
        Ok(())
    }
}
