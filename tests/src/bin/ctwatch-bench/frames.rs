//! UDP packets as frames on the client's interface: sent without a look-up, each received before the next is sent.
#![allow(
    unsafe_code,
    reason = "a packet socket: nix has neither a safe address for it nor a way to ask for what is under way"
)]

use std::{
    mem,
    net::Ipv4Addr,
    ops::Range,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    net::if_::if_nametoindex,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socket},
};

use super::node::{self, CLIENT, CLIENT_INTERFACE, CLIENT_MAC, NODE, NODE_MAC};

const ETHERNET: usize = 14;
const IP: usize = 20;
/// The shortest frame there is.
const LENGTH: usize = 60;
const SOURCE_PORT: usize = ETHERNET + IP;
const DESTINATION_PORT: usize = SOURCE_PORT + 2;

/// A packet socket on the client's interface.
pub(crate) struct Sender {
    socket: OwnedFd,
    frame: [u8; LENGTH],
    waits: u32,
}

impl Sender {
    pub(crate) fn open() -> Result<Self> {
        let socket = node::as_client(|| {
            let socket = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                None,
            )?;
            bind(&socket).context("cannot bind a packet socket to c0")?;
            Ok(socket)
        })?;
        Ok(Self {
            socket,
            frame: frame(CLIENT, NODE),
            waits: 0,
        })
    }

    /// How often ksoftirqd had to be waited for, whose work is not in this process's CPU time.
    pub(crate) fn waits(&self) -> u32 {
        self.waits
    }

    /// Sends one datagram from each of `sources` to the port `destination`; all are received when this returns.
    pub(crate) fn burst(&mut self, mut sources: Range<u16>, destination: u16) -> Result<()> {
        sources.try_for_each(|source| self.send(source, destination))?;
        while outstanding(&self.socket)? != 0 {
            self.waits += 1;
            thread::yield_now();
        }
        Ok(())
    }

    /// Sends one datagram from `source` to `destination`, two ports.
    pub(crate) fn send(&mut self, source: u16, destination: u16) -> Result<()> {
        self.frame[SOURCE_PORT..][..2].copy_from_slice(&source.to_be_bytes());
        self.frame[DESTINATION_PORT..][..2].copy_from_slice(&destination.to_be_bytes());
        loop {
            match send(self.socket.as_raw_fd(), &self.frame, MsgFlags::MSG_DONTWAIT) {
                Ok(LENGTH) => return Ok(()),
                Ok(sent) => bail!("{sent} of {LENGTH} bytes sent"),
                // The packets before wait for ksoftirqd, which must get its turn.
                Err(Errno::EAGAIN) => {
                    self.waits += 1;
                    thread::yield_now();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn bind(socket: &OwnedFd) -> Result<()> {
    // SAFETY: integers and bytes; all zeros is a value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = if_nametoindex(CLIENT_INTERFACE)? as i32;
    // SAFETY: the address lives as long as the call and has the length that is told.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as u32,
        )
    };
    if result != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(())
}

/// Memory of packets that were sent and not received yet.
fn outstanding(socket: &OwnedFd) -> Result<i32> {
    let mut bytes = 0;
    // SAFETY: SIOCOUTQ, which has this number too, writes one integer.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result != 0 {
        return Err(std::io::Error::last_os_error()).context("SIOCOUTQ");
    }
    Ok(bytes)
}

/// A UDP datagram over IPv4 without a UDP checksum, which IPv4 allows.
fn frame(source: Ipv4Addr, destination: Ipv4Addr) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[..6].copy_from_slice(&NODE_MAC);
    frame[6..12].copy_from_slice(&CLIENT_MAC);
    frame[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());
    let total = (LENGTH - ETHERNET) as u16;
    let ip = &mut frame[ETHERNET..][..IP];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    ip[8] = 64;
    ip[9] = libc::IPPROTO_UDP as u8;
    ip[12..16].copy_from_slice(&source.octets());
    ip[16..20].copy_from_slice(&destination.octets());
    let checksum = checksum(ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let udp = total - IP as u16;
    frame[ETHERNET + IP + 4..][..2].copy_from_slice(&udp.to_be_bytes());
    frame
}

/// The Internet checksum (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}
