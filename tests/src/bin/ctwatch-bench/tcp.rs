//! TCP connections: connect, one byte, close on both sides.

use std::{
    io::Read as _,
    net::{SocketAddrV4, TcpListener},
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket,
        sockopt::ReuseAddr,
    },
    unistd::write,
};

use super::{
    clock::Meter,
    node::{self, CLIENT, NODE},
};

/// Connections of a round.
pub(crate) const CONNECTIONS: u16 = 3_000;
const PORT: u16 = 80;
const FIRST_SOURCE: u16 = 10_000;

pub(crate) struct Connections {
    listener: TcpListener,
}

impl Connections {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            listener: TcpListener::bind((NODE, PORT))?,
        })
    }

    /// Instructions of a round, all connections together. One process is both client and server: no step of it
    /// waits, since the other side's answer is there when the call returns.
    pub(crate) fn round(&self, meter: Meter) -> Result<u64> {
        let sockets = clients()?;
        let node = SockaddrIn::from(SocketAddrV4::new(NODE, PORT));
        meter.ns(|| {
            sockets
                .into_iter()
                .try_for_each(|client| self.connection(client, &node))
        })
    }

    fn connection(&self, client: OwnedFd, node: &SockaddrIn) -> Result<()> {
        connect(client.as_raw_fd(), node).context("cannot connect to the node")?;
        let (mut server, _) = self.listener.accept()?;
        write(&client, b"x")?;
        let mut byte = [0];
        server.read_exact(&mut byte)?;
        drop(client);
        drop(server);
        Ok(())
    }
}

/// Sockets in the client's namespace, made and bound beforehand.
fn clients() -> Result<Vec<OwnedFd>> {
    node::as_client(|| {
        (0..CONNECTIONS)
            .map(|n| {
                let client = socket(
                    AddressFamily::Inet,
                    SockType::Stream,
                    SockFlag::SOCK_CLOEXEC,
                    None,
                )?;
                setsockopt(&client, ReuseAddr, &true)?;
                let own = SocketAddrV4::new(CLIENT, FIRST_SOURCE + n);
                bind(client.as_raw_fd(), &SockaddrIn::from(own))
                    .context("cannot bind a client's port")?;
                Ok(client)
            })
            .collect()
    })
}
