//! UDP datagrams without an answer.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
};

use anyhow::{Context, Result};

/// A datagram to `to` from each of these source ports.
pub(crate) fn from_ports(to: SocketAddr, sources: RangeInclusive<u16>) -> Result<()> {
    for source in sources {
        let socket = UdpSocket::bind((any(to.ip()), source))
            .with_context(|| format!("cannot use source port {source}"))?;
        socket.send_to(b"x", to).context("cannot send")?;
    }
    Ok(())
}

/// A datagram from `source` to each of these ports of `to`.
pub(crate) fn to_ports(to: IpAddr, source: u16, ports: RangeInclusive<u16>) -> Result<()> {
    let socket = UdpSocket::bind((any(to), source))?;
    for port in ports {
        socket.send_to(b"x", (to, port)).context("cannot send")?;
    }
    Ok(())
}

fn any(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
