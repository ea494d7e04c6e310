//! A socket that events come in on.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket,
            sockopt,
        },
        utsname::uname,
    },
};

/// `NFNLGRP_CONNTRACK_NEW` and `NFNLGRP_CONNTRACK_DESTROY`.
const GROUPS: u32 = 0b101;
/// `NFNLGRP_CONNTRACK_UPDATE`: five of the seven messages of a TCP connection. It is joined only where the last one does
/// not tell what these told.
const UPDATES: u32 = 0b010;
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
    let updates = if has_terse_ends() { UPDATES } else { 0 };
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUPS | updates))?;
    Ok(fd)
}

/// Whether the kernel leaves out the state and the time left when it tells of an entry's end, as before Linux 5.11.
pub(super) fn has_terse_ends() -> bool {
    let release = uname().map(|name| name.release().to_string_lossy().into_owned());
    release.is_ok_and(|release| is_before_5_11(&release))
}

fn is_before_5_11(release: &str) -> bool {
    let mut numbers = release.split(['.', '-']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(series)), Some(Ok(of_it))) => (series, of_it) < (5_u32, 11_u32),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_before_5_11;

    #[test]
    fn kernels_that_say_little_of_an_end_are_known_by_their_release() {
        for release in ["5.10.0-32-cloud-amd64", "5.4.0", "4.19.0-27-amd64"] {
            assert!(is_before_5_11(release), "{release}");
        }
        for release in ["5.11", "5.15.0-1", "6.1.0-56-cloud-amd64", "7.2.12", "odd"] {
            assert!(!is_before_5_11(release), "{release}");
        }
    }
}
