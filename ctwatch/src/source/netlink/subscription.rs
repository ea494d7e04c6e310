//! A socket that events come in on.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket,
        sockopt,
    },
};

/// `NFNLGRP_CONNTRACK_NEW` and `NFNLGRP_CONNTRACK_DESTROY`. `NFNLGRP_CONNTRACK_UPDATE` is left out: its messages cost
/// a TCP connection more than these two do, and the last message tells all that they told.
const GROUPS: [u32; 2] = [1, 3];
/// Bytes of messages that wait to be read, at most. The kernel doubles the figure for its own bookkeeping.
pub(super) const BUFFER: usize = 64 << 20;

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
