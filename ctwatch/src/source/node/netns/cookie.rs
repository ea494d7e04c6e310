//! `SO_NETNS_COOKIE`: the number of a network namespace that is never used again.
#![allow(unsafe_code)] // getsockopt with an option that no crate knows

use std::{
    io, mem,
    os::{fd::AsRawFd, unix::net::UnixDatagram},
};

/// `SO_NETNS_COOKIE`, since Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// The cookie of the namespace the calling thread is in; 0 where the kernel does not tell.
pub(super) fn current() -> io::Result<u64> {
    // Any socket knows its namespace; this kind exists everywhere and costs least.
    let socket = UnixDatagram::unbound()?;
    let mut cookie = 0_u64;
    let mut length = mem::size_of_val(&cookie) as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel writes at most `length` bytes, the size of `cookie`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        return Ok(cookie);
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENOPROTOOPT) {
        return Ok(0);
    }
    Err(error)
}
