//! What the listener asks of its thread, and how the thread is woken.

use std::sync::mpsc::Sender;

use super::watched::Watched;
use crate::model::{
    classify::LocalAddresses,
    dump::{Dump, DumpKind},
    endpoint::{Endpoint, Netns},
    lifetime::Lifetimes,
    reading::Reading,
};

/// One order.
pub(super) enum Order {
    /// Reads all that waits and answers with what moved; with the kernel's `early_drop` of each namespace.
    Read(Vec<(Netns, u64)>, Sender<Reading>),
    Lifetimes(Sender<Vec<(Endpoint, Lifetimes)>>),
    Add(Box<Watched>),
    Addresses(Netns, LocalAddresses),
    /// The namespace is gone.
    Remove(Netns),
    /// Dumps every namespace, one after the other.
    Dump(DumpKind),
}

/// What comes of dumps.
pub(super) enum Outcome {
    Dump(Result<Box<Dump>, String>),
    /// The last dump of an [`Order::Dump`] came before.
    RoundDone,
}
