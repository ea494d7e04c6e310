//! No capability and no network, for commands that read files.

use std::{collections::BTreeMap, env::consts::ARCH};

use caps::errors::CapsError;
use nix::{sys::prctl, unistd::Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::sets::{ROOTS_OWN, keep_only};

/// System calls of x86's x32 form have this bit set in their numbers, and the same architecture.
const X32: i64 = 0x4000_0000;

/// What could be given up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Confined {
    /// Why the capabilities are still there.
    pub capabilities_kept: Option<String>,
    /// Why the network is still open.
    pub network_open: Option<String>,
}

/// Gives up, for the calling thread and those it starts, every capability, the means to get some by running a
/// program (`no_new_privs`), and every new socket but `AF_UNIX`. Where the kernel does not offer one of these, the others hold. Root
/// keeps what opens other users' files until [`seal`].
#[must_use]
pub fn confine() -> Confined {
    let kept = if Uid::current().is_root() {
        &ROOTS_OWN[..]
    } else {
        &[]
    };
    Confined {
        capabilities_kept: keep_only(kept).err().map(|error| error.to_string()),
        network_open: shut_network().err().map(|error| error.to_string()),
    }
}

/// Gives up the rest, once all files are open: what is in them is read without any capability.
///
/// # Errors
/// The kernel's reason.
pub fn seal() -> Result<(), CapsError> {
    keep_only(&[])
}

/// For a process that has given everything up and opened all it needs: from now on none of its threads opens a socket
/// but `AF_UNIX`, no program that it runs has more than it has, and nobody who is not root looks into its memory. The
/// user's own COMMAND must run already. Says what does not hold on this kernel.
#[must_use]
pub fn lock() -> Option<String> {
    let shut = filter().and_then(|filter| seccompiler::apply_filter_all_threads(&filter));
    let unlocked = shut.err().map(|error| error.to_string());
    if unlocked.is_some() {
        // At least the calling thread's programs.
        let _ = prctl::set_no_new_privs();
    }
    let _ = prctl::set_dumpable(false);
    unlocked
}

/// Sets `no_new_privs`, too: a filter without privileges needs it.
fn shut_network() -> seccompiler::Result<()> {
    seccompiler::apply_filter(&filter()?)
}

/// `socket` of any family but one, and io_uring, which makes sockets as well, end with `EACCES`.
fn filter() -> seccompiler::Result<BpfProgram> {
    let not_unix = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Ne,
        libc::AF_UNIX as u64,
    )?;
    let mut rules = BTreeMap::new();
    for form in [0, X32] {
        let rule = SeccompRule::new(vec![not_unix.clone()])?;
        rules.insert(libc::SYS_socket | form, vec![rule]);
        rules.insert(libc::SYS_io_uring_setup | form, Vec::new());
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EACCES as u32),
        ARCH.try_into()?,
    )?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use std::{
        fs, io,
        net::{TcpStream, UdpSocket},
        os::unix::net::UnixDatagram,
        thread,
    };

    use super::*;

    /// Confinement is the thread's, and does not end before it does.
    fn confined<T: Send + 'static>(work: fn() -> T) -> T {
        let thread = thread::spawn(move || {
            assert_eq!(confine(), Confined::default());
            seal().unwrap();
            work()
        });
        thread.join().unwrap()
    }

    #[test]
    fn no_capability_is_left_and_none_can_be_had() {
        let status = confined(|| fs::read_to_string("/proc/thread-self/status").unwrap());
        for empty in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(
                status.contains(&format!("{empty}:\t{:016x}\n", 0)),
                "{status}"
            );
        }
        assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    }

    #[test]
    fn sockets_are_refused_but_for_this_machines_own() {
        let (udp, tcp, unix) = confined(|| {
            let udp = UdpSocket::bind("127.0.0.1:0").map(drop);
            let tcp = TcpStream::connect("[::1]:9").map(drop);
            (udp, tcp, UnixDatagram::unbound().map(drop))
        });
        for refused in [udp, tcp] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
        unix.unwrap();
    }
}
