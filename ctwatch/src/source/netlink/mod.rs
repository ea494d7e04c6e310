//! The table, dumped over ctnetlink.
//!
//! Expired entries are not in a dump although they are in the count: the kernel leaves them out, and removes some of
//! them while it walks the table (`ctnetlink_dump_table`).

use std::{path::Path, time::Instant};

use jiff::Timestamp;
use nix::errno::Errno;
use thiserror::Error;

use crate::{
    model::{
        aggregate::Aggregator,
        dump::{Dump, DumpKind},
        entry::Entry,
        node::Address,
    },
    source::node::netns::{self, Seen},
};

mod attribute;
pub mod delete;
mod entry;
pub mod listener;
mod message;
pub mod opener;
mod socket;
pub mod stats;
mod subscription;
#[cfg(test)]
mod tests;

use opener::{InPerson, OpenError, Opener};

/// How often a dump that the kernel calls unreliable is begun anew.
const ATTEMPTS: u32 = 3;

/// There while conntrack is loaded.
const NF_CONNTRACK_MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Bytes from the kernel that are no answer to a dump request.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Malformed(&'static str);

/// Why a table could not be dumped.
#[derive(Debug, Error)]
pub enum DumpError {
    /// No conntrack in this kernel.
    #[error(
        "conntrack is not loaded in this kernel: nothing is tracked on this node (modprobe nf_conntrack, or add \
         a rule that uses it)"
    )]
    NotLoaded,
    /// The namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] netns::Error),
    /// The kernel gave no dump, or not all of it.
    #[error("cannot dump the table of {namespace}: {reason}")]
    Refused {
        /// Which namespace.
        namespace: String,
        /// Why.
        reason: Reason,
    },
}

/// What a dump request came to.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// `EPERM`
    #[error("not permitted (needs CAP_NET_ADMIN: run as root)")]
    Denied,
    /// No ctnetlink in this kernel.
    #[error("this kernel has no ctnetlink (modprobe nf_conntrack_netlink)")]
    NoCtnetlink,
    /// No answer in time.
    #[error("the kernel does not answer on its ctnetlink socket")]
    Silent,
    /// `NLM_F_DUMP_INTR`, again and again.
    #[error("it changed its size each time while it was being read (try again)")]
    Interrupted,
    /// An answer that cannot be understood.
    #[error("the kernel's answer cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Any other errno.
    #[error("{0}")]
    Kernel(Errno),
}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EPERM | Errno::EACCES => Self::Denied,
            // nfnetlink's answer for a subsystem that nobody registered.
            Errno::EINVAL | Errno::EPROTONOSUPPORT => Self::NoCtnetlink,
            Errno::EAGAIN => Self::Silent,
            Errno::EINTR => Self::Interrupted,
            errno => Self::Kernel(errno),
        }
    }
}

/// Dumps a namespace's table and boils it down. `local` are the node's addresses, of which those of this namespace
/// count; `None` where they are unknown.
///
/// # Errors
/// When conntrack is not loaded, a capability is missing or the kernel refuses.
pub fn dump(seen: &Seen, local: Option<&[Address]>, kind: DumpKind) -> Result<Dump, DumpError> {
    dump_by(&InPerson, seen, local, kind)
}

/// As [`dump`], where another opens the socket.
///
/// # Errors
/// As [`dump`].
pub fn dump_by(
    opener: &dyn Opener,
    seen: &Seen,
    local: Option<&[Address]>,
    kind: DumpKind,
) -> Result<Dump, DumpError> {
    let mut attempt = 1;
    loop {
        let local = local.map(|all| {
            all.iter()
                .filter(|each| each.netns.inode == seen.netns.inode)
                .map(|each| each.address)
                .collect()
        });
        let mut aggregator = Aggregator::new(seen.netns, local);
        let (at_ms, started) = (Timestamp::now().as_millisecond(), Instant::now());
        match entries_by(opener, seen, |entry| aggregator.add(entry)) {
            Ok(()) => {
                let took_ms = started.elapsed().as_millis() as u64;
                return Ok(aggregator.finish(at_ms, took_ms, kind));
            }
            Err(DumpError::Refused {
                reason: Reason::Interrupted,
                ..
            }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Dumps a namespace's table entry by entry; nothing is kept.
///
/// # Errors
/// As [`dump`]; also [`Reason::Interrupted`] when the kernel calls the dump unreliable. Entries seen before an
/// error are part of an incomplete dump.
pub fn entries(seen: &Seen, each: impl FnMut(&Entry)) -> Result<(), DumpError> {
    entries_by(&InPerson, seen, each)
}

fn entries_by(opener: &dyn Opener, seen: &Seen, each: impl FnMut(&Entry)) -> Result<(), DumpError> {
    if !is_loaded() {
        return Err(DumpError::NotLoaded);
    }
    let refused = |reason| DumpError::Refused {
        namespace: seen.to_string(),
        reason,
    };
    let (fd, _) = opener.dump(seen).map_err(|error| match error {
        OpenError::Netns(error) => DumpError::Netns(error),
        OpenError::Kernel(errno) => refused(errno.into()),
    })?;
    socket::read_entries(&fd, each).map_err(refused)
}

/// Asking without would make the kernel load conntrack, and a watcher must not start what it watches.
fn is_loaded() -> bool {
    Path::new(NF_CONNTRACK_MAX).exists()
}
