//! Opening ctnetlink sockets inside network namespaces. That needs capabilities; to read from such a socket needs none,
//! so whoever opens it and whoever reads it may be two processes.

use std::{fmt, fs, os::fd::OwnedFd};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{socket, subscription};
use crate::source::node::netns::{self, Seen};

/// 0: no events. 1: of all entries. 2: of entries that are made while somebody listens (since Linux 5.19).
const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";

/// The entries that a namespace makes events of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Makes {
    /// Of none.
    None,
    /// Of all.
    All,
    /// Of those that are made while somebody listens.
    WhileListenedTo,
}

/// Why there is no socket.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] netns::Error),
    /// The kernel refused.
    #[error("{0}")]
    Kernel(#[from] Errno),
}

/// Whoever may open sockets in namespaces.
pub trait Opener: fmt::Debug + Send + Sync {
    /// A socket on which the kernel was asked for a dump of the table, and what it makes events of.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the kernel refuses.
    fn dump(&self, seen: &Seen) -> Result<(OwnedFd, Makes), OpenError>;

    /// A socket that events come in on; `None` where none are made.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the kernel refuses.
    fn events(&self, seen: &Seen) -> Result<Option<(OwnedFd, Makes)>, OpenError>;
}

/// The calling process, with its own capabilities.
#[derive(Clone, Copy, Debug)]
pub struct InPerson;

impl Opener for InPerson {
    fn dump(&self, seen: &Seen) -> Result<(OwnedFd, Makes), OpenError> {
        let ask = || Ok::<_, Errno>((socket::ask_entries()?, makes()));
        Ok(netns::within(seen, ask)??)
    }

    fn events(&self, seen: &Seen) -> Result<Option<(OwnedFd, Makes)>, OpenError> {
        let subscribe = || match makes() {
            Makes::None => Ok(None),
            makes => subscription::subscribe().map(|fd| Some((fd, makes))),
        };
        Ok(netns::within(seen, subscribe)??)
    }
}

/// Of the namespace that the calling thread is in.
fn makes() -> Makes {
    let setting = fs::read_to_string(EVENTS);
    match setting.as_deref().map(str::trim) {
        Ok("0") => Makes::None,
        Ok("1") => Makes::All,
        _ => Makes::WhileListenedTo,
    }
}
