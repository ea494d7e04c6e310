//! TCP connections.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, sockopt};

use crate::lab::netns::Netns;

/// Accepts a number of connections, reads each to its end and closes it.
pub(crate) struct Server(JoinHandle<std::io::Result<()>>);

impl Server {
    /// Listens in a namespace for so many connections.
    pub(crate) fn listen(netns: &Netns, at: SocketAddr, connections: usize) -> Result<Self> {
        let listener = listener(netns, at)?;
        Ok(Self(thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                stream?.read_to_end(&mut Vec::new())?;
            }
            Ok(())
        })))
    }

    /// Waits until it has served them all.
    pub(crate) fn served(self) -> Result<()> {
        let result = self.0.join().map_err(|_| anyhow!("a server panicked"))?;
        result.context("a server failed")
    }
}

/// A listening socket in a namespace.
pub(crate) fn listener(netns: &Netns, at: SocketAddr) -> Result<TcpListener> {
    netns.run(|| TcpListener::bind(at).with_context(|| format!("cannot listen on {at}")))
}

/// So many connections one after the other: connect, one byte, close, and wait for the server's close. The client
/// closes first, so that each entry ends up in TIME_WAIT.
pub(crate) fn short(to: (IpAddr, u16), connections: usize) -> Result<()> {
    for _ in 0..connections {
        one(to).with_context(|| format!("cannot talk to {}:{}", to.0, to.1))?;
    }
    Ok(())
}

fn one(to: (IpAddr, u16)) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(b"x")?;
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// A connection from this port that the server closes first, so that the client's port is free at once.
pub(crate) fn closed_by_server(listener: &TcpListener, source: u16) -> Result<()> {
    let to = listener.local_addr()?;
    let SocketAddr::V4(to) = to else {
        bail!("an IPv4 listener is needed");
    };
    let socket = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    socket::setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, source);
    socket::bind(socket.as_raw_fd(), &SockaddrIn::from(any)).context("cannot bind")?;
    socket::connect(socket.as_raw_fd(), &SockaddrIn::from(to))
        .with_context(|| format!("cannot connect from port {source}"))?;
    drop(listener.accept()?);
    let mut stream = TcpStream::from(socket);
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}
