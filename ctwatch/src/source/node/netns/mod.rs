//! The node's network namespaces: which there are, and work inside them.

use std::{fmt, io, path::PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::{endpoint::Netns, node::Namespace};

mod cookie;
mod enter;
mod mounts;
mod scan;
#[cfg(test)]
mod tests;

pub use enter::{visit, within};
pub use scan::Scanner;

/// The namespace of the calling thread.
const OWN: &str = "/proc/thread-self/ns/net";

/// A namespace, and the ways into it. It may be gone by the time it is entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which. The cookie is 0 where the kernel does not tell (before Linux 5.14, or without `CAP_SYS_ADMIN`).
    pub netns: Netns,
    /// Name under /run/netns.
    pub name: Option<String>,
    /// Whether the thread that scanned is in it.
    pub own: bool,
    /// Files that lead there; they stay where the scan was made.
    #[serde(skip)]
    paths: Vec<PathBuf>,
}

impl Seen {
    /// As recordings keep it.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        Namespace {
            netns: self.netns,
            name: self.name.clone(),
            own: self.own,
        }
    }

    /// One that is not there any more: it cannot be entered.
    pub(in crate::source) fn gone(netns: Netns) -> Self {
        Self {
            netns,
            name: None,
            own: false,
            paths: Vec::new(),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network namespace {}", self.netns.inode)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// Why namespaces could not be listed or entered.
#[derive(Debug, Error)]
pub enum Error {
    /// It ended, or what led there did.
    #[error("cannot enter {0}: it is gone")]
    Gone(String),
    /// `EPERM` or `EACCES`
    #[error(
        "cannot enter {0}: not permitted (needs CAP_SYS_ADMIN and CAP_SYS_PTRACE: run as root)"
    )]
    Denied(String),
    /// Any other reason.
    #[error("cannot enter {0}: {1}")]
    Refused(String, io::Error),
    /// The own namespace cannot be told.
    #[error("cannot read /proc/thread-self/ns/net: {0} (is /proc mounted?)")]
    Own(io::Error),
    /// Processes or mounts cannot be listed.
    #[error("cannot list the holders of network namespaces in /proc: {0}")]
    Proc(io::Error),
    /// As another process told it.
    #[error("{0}")]
    Told(String),
    /// No thread.
    #[error("cannot start a thread to enter a network namespace: {0}")]
    Thread(io::Error),
}

/// All namespaces that can be seen, the own first. Whoever scans again and again keeps a [`Scanner`] instead.
///
/// # Errors
/// When /proc cannot be read.
pub fn scan() -> Result<Vec<Seen>, Error> {
    Scanner::new().scan()
}

/// The calling thread's own namespace.
///
/// # Errors
/// When /proc cannot be read.
pub fn own() -> Result<Seen, Error> {
    let target = std::fs::read_link(OWN).map_err(Error::Own)?;
    let inode = inode_of(&target.to_string_lossy())
        .ok_or_else(|| Error::Own(io::ErrorKind::InvalidData.into()))?;
    Ok(Seen {
        netns: Netns {
            cookie: cookie::current().map_err(Error::Own)?,
            inode,
        },
        name: None,
        own: true,
        paths: Vec::new(),
    })
}

/// The number in `net:[4026531840]`.
fn inode_of(link: &str) -> Option<u32> {
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}
