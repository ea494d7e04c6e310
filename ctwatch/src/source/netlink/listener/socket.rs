//! The socket that events come in on.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, MsgFlags, MultiHeaders, NetlinkAddr, SockFlag, SockProtocol, SockType, bind,
        getsockopt, recvmmsg, setsockopt, socket, sockopt,
    },
};

use super::drops;

/// `NFNLGRP_CONNTRACK_NEW` and `NFNLGRP_CONNTRACK_DESTROY`. `NFNLGRP_CONNTRACK_UPDATE` is left out: its messages cost
/// a TCP connection more than these two do, and the last message tells all that they told.
const GROUPS: [u32; 2] = [1, 3];
/// Bytes of messages that wait to be read, at most. The kernel doubles the figure for its own bookkeeping.
pub(super) const BUFFER: usize = 64 << 20;
/// Messages taken at once.
const BATCH: usize = 128;
/// Bytes of one message; the longest (labels, a security context, IPv6) take less than half.
const MESSAGE: usize = 2_048;

/// A socket that belongs to these events.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    /// What the kernel had dropped when it was last asked.
    drops: u32,
}

/// Memory that messages are received into.
pub(super) struct Mailbox {
    bytes: Vec<u8>,
    headers: MultiHeaders<NetlinkAddr>,
}

/// What one look into a socket found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// So many messages; there may be more.
    Messages(usize),
    Empty,
    /// The kernel dropped messages because the socket was full.
    Overrun,
}

/// Opens a socket in the network namespace of the calling thread and joins the groups.
pub(super) fn subscribe() -> Result<OwnedFd, Errno> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        SockProtocol::NetlinkNetFilter,
    )?;
    // Without CAP_NET_ADMIN in the initial user namespace the node's limit holds.
    if setsockopt(&fd, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(&fd, sockopt::RcvBuf, &BUFFER)?;
    }
    let mask = GROUPS.iter().fold(0, |mask, group| mask | 1 << (group - 1));
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, mask))?;
    Ok(fd)
}

impl Socket {
    /// Of what [`subscribe`] opened.
    pub(super) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let drops = drops::read(&fd)?;
        Ok(Self { fd, drops })
    }

    /// Bytes that its buffer got.
    pub(super) fn buffer(&self) -> Result<usize, Errno> {
        Ok(getsockopt(&self.fd, sockopt::RcvBuf)? / 2)
    }

    /// Messages that the kernel dropped since it was last asked.
    pub(super) fn dropped(&mut self) -> u64 {
        let Ok(now) = drops::read(&self.fd) else {
            return 0;
        };
        let before = std::mem::replace(&mut self.drops, now);
        u64::from(now.wrapping_sub(before))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Mailbox {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * MESSAGE],
            headers: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Takes what waits in the socket, one batch, and hands each message to `each`; `None` for one that did not fit.
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        mut each: impl FnMut(Option<&[u8]>),
    ) -> Result<Look, Errno> {
        let mut places: Vec<[IoSliceMut<'_>; 1]> = self
            .bytes
            .chunks_exact_mut(MESSAGE)
            .map(|place| [IoSliceMut::new(place)])
            .collect();
        let received = recvmmsg(
            socket.fd.as_raw_fd(),
            &mut self.headers,
            places.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        );
        let messages = match received {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Look::Empty),
            Err(Errno::ENOBUFS) => return Ok(Look::Overrun),
            Err(errno) => return Err(errno),
        };
        let mut count = 0;
        for message in messages {
            count += 1;
            // Other processes can send to this socket too; the kernel's port is 0.
            if message.address.is_none_or(|sender| sender.pid() != 0) {
                continue;
            }
            let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
            each(message.iovs().next().filter(|_| whole));
        }
        Ok(Look::Messages(count))
    }
}
