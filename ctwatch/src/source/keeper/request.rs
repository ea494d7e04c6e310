//! What the keeper can be asked.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    model::{endpoint::Netns, node::Address},
    source::{
        netlink::opener::OpenError,
        node::{address, netns},
    },
};

/// One question. Namespaces are those of the last scan: no path is ever taken from whoever asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Which namespaces there are.
    Scan,
    /// The addresses of these.
    Addresses(Vec<Netns>),
    /// The tables of these.
    Tables(Vec<Netns>),
    /// A ctnetlink socket in this one, with the request for a dump sent on it.
    Dump(Netns),
    /// A ctnetlink socket in this one, which its events come in on.
    Events(Netns),
    /// Tells the kernel programs a namespace's addresses.
    SetAddresses(Netns, Vec<Address>),
    /// Attaches what tells whose failed inserts are.
    WatchFailures,
    /// Attaches what tells all there is of a newcomer.
    WatchNewcomers,
    /// Attaches everything again, after the module was loaded anew.
    AttachAgain,
    /// Packets without an entry that netfilter dropped since the last call.
    Dropped,
    /// Asks this child of the recorder to end.
    End(i32),
}

/// What could not be had.
#[derive(Debug, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// The namespace is gone; its name for people.
    #[error("cannot enter {0}: it is gone")]
    Gone(String),
    /// The kernel's reason.
    #[error("{}", Errno::from_raw(*.0))]
    Errno(i32),
    /// In words.
    #[error("{0}")]
    Other(String),
}

impl From<netns::Error> for Refusal {
    fn from(error: netns::Error) -> Self {
        match error {
            netns::Error::Gone(name) => Self::Gone(name),
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<address::Error> for Refusal {
    fn from(error: address::Error) -> Self {
        match error {
            address::Error::Netns(error) => error.into(),
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Netns(error) => error.into(),
            OpenError::Kernel(errno) => Self::Errno(errno as i32),
        }
    }
}

impl From<Refusal> for OpenError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Errno(number) => Self::Kernel(Errno::from_raw(number)),
            refusal => Self::Netns(refusal.into()),
        }
    }
}

impl From<Refusal> for netns::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Gone(name) => Self::Gone(name),
            refusal => Self::Told(refusal.to_string()),
        }
    }
}
