//! Connections that a full table cost, as far as anybody counted them.

use serde::Serialize;

use super::refused::by_kernel;
use crate::model::{
    counters::Counters,
    table::Table,
    unobserved::{Figure, Unobserved},
};

/// Connections lost; `None` is what nobody saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// New connections refused.
    pub refused: Option<u64>,
    /// Entries evicted for newcomers (the kernel's `early_drop`).
    pub evicted: Option<u64>,
    /// Entries evicted in the background.
    pub evicted_background: Option<u64>,
}

impl Lost {
    /// What was counted by a source that does not see what is `unobserved`.
    #[must_use]
    pub fn counted(counters: &Counters, unobserved: &Unobserved) -> Self {
        let ended = &counters.ended;
        Self {
            refused: unobserved.told(Figure::Refused, counters.refused),
            evicted: unobserved.told(Figure::Evicted, ended.evicted),
            evicted_background: unobserved
                .told(Figure::EvictedBackground, ended.evicted_background),
        }
    }

    /// What the kernel says of a whole table between two readings; it does not tell background evictions.
    #[must_use]
    pub fn by_kernel(before: &Table, now: &Table) -> Self {
        let evicted = before
            .stats
            .zip(now.stats)
            .and_then(|(old, new)| new.early_drop.checked_sub(old.early_drop));
        Self {
            refused: by_kernel(before, now),
            evicted,
            evicted_background: None,
        }
    }

    /// The greater of two views of the same events: neither sees what did not happen.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            refused: self.refused.max(other.refused),
            evicted: self.evicted.max(other.evicted),
            evicted_background: self.evicted_background.max(other.evicted_background),
        }
    }

    /// Both together; what one of them does not know counts as nothing beside the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
        Self {
            refused: sum(self.refused, other.refused),
            evicted: sum(self.evicted, other.evicted),
            evicted_background: sum(self.evicted_background, other.evicted_background),
        }
    }

    /// All that is known.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.at_limit() + self.evicted_background.unwrap_or(0)
    }

    /// Evicted for newcomers and in the background, as far as it is known.
    #[must_use]
    pub fn all_evicted(&self) -> Option<u64> {
        let background = self.evicted_background.unwrap_or(0);
        self.evicted.map(|evicted| evicted + background)
    }

    /// What the kernel does only above the limit, as far as it is known.
    #[must_use]
    pub fn at_limit(&self) -> u64 {
        self.refused.unwrap_or(0) + self.evicted.unwrap_or(0)
    }

    /// Whether anybody would have seen a connection that was refused or evicted for a newcomer.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.refused.is_some() && self.evicted.is_some()
    }
}
