//! The books at the end: what ctwatch counted against what the kernel says.

use serde::{Deserialize, Serialize};

use super::{endpoint::Netns, sample::Losses};

/// A figure of ours beside the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// What ctwatch counted; `None` where its source does not see that.
    pub ctwatch: Option<u64>,
    /// What the kernel's own counter says; `None` where it could not be read.
    pub kernel: Option<u64>,
}

/// One namespace's books over the whole recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetnsLedger {
    /// Namespace.
    pub netns: Netns,
    /// Entries inserted.
    pub inserted: u64,
    /// Entries ended.
    pub ended: u64,
    /// `nf_conntrack_count` at the end minus at the start; `None` where it could not be read at both.
    pub count_change: Option<i64>,
    /// Refused at a full table, against the kernel's `drop` less dropped clashes: those that ctwatch counted, or,
    /// where its source does not see them, as many as the kernel's `insert_failed` allows for.
    pub refused: Compared,
    /// The part of the kernel's `drop` that are dropped clashes, as ctwatch counted them; `None` where its source does
    /// not see them.
    pub drop_clashes: Option<u64>,
    /// Evicted against the kernel's `early_drop`.
    pub evicted: Compared,
    /// Entries not inserted, against the kernel's `insert_failed`.
    pub insert_failed: Compared,
    /// Clashes merged, against the kernel's `clash_resolve`.
    pub clash_merged: Compared,
}

/// The whole recording's books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By namespace.
    pub namespaces: Vec<NetnsLedger>,
    /// Losses over the whole recording.
    pub losses: Losses,
}
