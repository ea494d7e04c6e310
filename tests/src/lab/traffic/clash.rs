//! Two packets of one flow at once, from two sockets that share a port.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    ops::Range,
    os::fd::AsRawFd as _,
};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt,
};

use crate::lab::processor::{self, Meeting};

/// Rules that keep the first packets of a flow on their way, so that they may meet.
pub(crate) fn slow() -> String {
    let rules = "ip saddr 192.0.2.1 counter\n".repeat(400);
    format!(
        "table ip slow {{ chain before {{ type filter hook prerouting priority 0;\n{rules}}}\n}}"
    )
}

/// A flow to each of these ports, whose first packet two processors send at once.
pub(crate) fn collide(to: IpAddr, source: u16, ports: Range<u16>) -> Result<()> {
    let (meeting, sockets) = (Meeting::default(), [shared(source)?, shared(source)?]);
    processor::on_both(|processor| {
        for (round, port) in ports.clone().enumerate() {
            meeting.wait(round);
            sockets[processor].send_to(b"x", (to, port))?;
        }
        Ok(())
    })
}

/// A socket that shares its port.
fn shared(port: u16) -> Result<UdpSocket> {
    let kind = SockType::Datagram;
    let socket = socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    let any = std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    bind(socket.as_raw_fd(), &SockaddrIn::from(any)).context("cannot bind")?;
    Ok(socket.into())
}
