//! How many messages the kernel could not put into a socket.
#![allow(unsafe_code, reason = "nix knows no SO_MEMINFO")]

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;

/// `SK_MEMINFO_DROPS`, an index into what `SO_MEMINFO` yields; the last of `SK_MEMINFO_VARS` (9) values.
const DROPS: usize = 8;

/// Messages dropped since the socket was opened (`netlink_overrun` counts each); wraps.
pub(super) fn read(socket: &OwnedFd) -> Result<u32, Errno> {
    let mut values = [0_u32; DROPS + 1];
    let mut length = size_of_val(&values) as libc::socklen_t;
    // SAFETY: `values` is writable and `length` bytes long; the kernel writes no more than that.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(result).map(|_| values[DROPS])
}
