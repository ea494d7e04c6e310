//! No capability and no network, for commands that read files.

use std::{collections::BTreeMap, env::consts::ARCH};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use nix::unistd::Uid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

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

/// Why root finds what others keep to themselves. Whoever is not root gets no file opened that it could not open
/// without ctwatch.
const ROOTS_OWN: [Capability; 2] = [
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_DAC_READ_SEARCH,
];

/// Gives up, for the calling thread and those it starts, every capability and the means to get some by running a
/// program, and every new socket but `AF_UNIX`. Where the kernel does not offer one of these, the others hold. Root
/// keeps what opens other users' files until [`seal`].
#[must_use]
pub fn confine() -> Confined {
    let kept = if Uid::current().is_root() {
        &ROOTS_OWN[..]
    } else {
        &[]
    };
    Confined {
        capabilities_kept: keep(kept).err().map(|error| error.to_string()),
        network_open: shut_network().err().map(|error| error.to_string()),
    }
}

/// Gives up the rest, once all files are open: what is in them is read without any capability.
///
/// # Errors
/// The kernel's reason.
pub fn seal() -> Result<(), CapsError> {
    keep(&[])
}

/// Empties all sets but for these capabilities; the bounding set, too, is of no use under `no_new_privs`.
fn keep(kept: &[Capability]) -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = kept
        .iter()
        .copied()
        .filter(|capability| permitted.contains(capability))
        .collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Sets `no_new_privs`, too: a filter without privileges needs it.
fn shut_network() -> seccompiler::Result<()> {
    seccompiler::apply_filter(&filter()?)
}

/// `socket` of any family but one, and io_uring, which makes sockets as well, end with `EACCES`.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
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
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EACCES as u32),
        ARCH.try_into()?,
    )?
    .try_into()
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
