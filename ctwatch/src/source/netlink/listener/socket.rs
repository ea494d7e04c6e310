//! The socket that events come in on.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, getsockopt, recvmmsg, sockopt},
};

use super::drops;

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

impl Socket {
    /// Of what [`subscribe`](super::super::subscription::subscribe) opened.
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
