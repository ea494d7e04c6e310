//! The books at the end: what ctwatch counted beside what the kernel says.

use std::ops::Add;

use serde::{Deserialize, Serialize};

use super::{
    endpoint::Netns,
    sample::Losses,
    table::{KernelStats, Table},
};

/// What ctwatch counted of what the kernel counts, too; `None` is what its source does not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// New connections refused at a full table.
    pub refused: Option<u64>,
    /// Entries evicted for newcomers.
    pub evicted: Option<u64>,
    /// Entries that could not be inserted.
    pub insert_failed: Option<u64>,
    /// Of them, those dropped because they clashed with another.
    pub clash_dropped: Option<u64>,
    /// Of these, those of translated tuples: NAT had no port left.
    pub nat_exhausted: Option<u64>,
    /// Of `insert_failed`, those whose hash chain was too long.
    pub chain_too_long: Option<u64>,
    /// Of `insert_failed`, those that were deleted before their first packet had passed.
    pub dying: Option<u64>,
    /// Clashes merged.
    pub clash_merged: Option<u64>,
}

/// By how much the kernel's own counters grew; `None` where they could not be read, or this kernel has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// `drop`
    pub drop: Option<u64>,
    /// `early_drop`
    pub early_drop: Option<u64>,
    /// `insert_failed`
    pub insert_failed: Option<u64>,
    /// `chaintoolong`
    pub chaintoolong: Option<u64>,
    /// `clash_resolve`
    pub clash_resolve: Option<u64>,
}

impl Kernel {
    /// From one reading of a table to another.
    #[must_use]
    pub fn between(first: &Table, last: &Table) -> Self {
        let Some((first, last)) = first.stats.zip(last.stats) else {
            return Self::default();
        };
        let grown = |figure: fn(&KernelStats) -> Option<u64>| -> Option<u64> {
            figure(&last)?.checked_sub(figure(&first)?)
        };
        Self {
            drop: grown(|s| Some(s.drop)),
            early_drop: grown(|s| Some(s.early_drop)),
            insert_failed: grown(|s| Some(s.insert_failed)),
            chaintoolong: grown(|s| s.chaintoolong),
            clash_resolve: grown(|s| s.clash_resolve),
        }
    }
}

impl Add for Kernel {
    type Output = Self;

    /// A sum of which a part is unknown is unknown.
    fn add(self, more: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
        Self {
            drop: both(self.drop, more.drop),
            early_drop: both(self.early_drop, more.early_drop),
            insert_failed: both(self.insert_failed, more.insert_failed),
            chaintoolong: both(self.chaintoolong, more.chaintoolong),
            clash_resolve: both(self.clash_resolve, more.clash_resolve),
        }
    }
}

/// One namespace's books over the whole recording. `analysis::proof` holds one side against the other.
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
    /// What ctwatch counted.
    pub counted: Counted,
    /// What the kernel counted.
    pub kernel: Kernel,
}

/// The whole recording's books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// By namespace.
    pub namespaces: Vec<NetnsLedger>,
    /// Losses over the whole recording.
    pub losses: Losses,
}
