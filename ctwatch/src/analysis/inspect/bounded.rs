//! Counts by something of which there may be any number.

use std::{cmp::Reverse, collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

/// Values that are told apart; a few megabytes at most.
const MAX: usize = 16_384;

/// Entries by value. Beyond so many values those that come new are counted together, and the entries of a value are
/// then a lower bound.
#[derive(Debug)]
pub(super) struct Bounded<K> {
    counts: HashMap<K, u64, RandomState>,
    others: u64,
}

impl<K> Default for Bounded<K> {
    fn default() -> Self {
        Self {
            counts: HashMap::default(),
            others: 0,
        }
    }
}

impl<K: Copy + Eq + Hash + Ord> Bounded<K> {
    pub(super) fn add(&mut self, value: K, entries: u64) {
        if let Some(count) = self.counts.get_mut(&value) {
            *count += entries;
        } else if self.counts.len() < MAX {
            self.counts.insert(value, entries);
        } else {
            self.others += entries;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.others += other.others;
        for (value, entries) in other.counts {
            self.add(value, entries);
        }
    }

    /// Values told apart.
    pub(super) fn len(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Entries of all others.
    pub(super) fn others(&self) -> u64 {
        self.others
    }

    /// The values with the most entries, most first, then in their own order.
    pub(super) fn top(&self, rows: usize) -> Vec<(K, u64)> {
        let mut all: Vec<(K, u64)> = self.counts.iter().map(|(k, n)| (*k, *n)).collect();
        all.sort_unstable_by_key(|(value, entries)| (Reverse(*entries), *value));
        all.truncate(rows);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_limit_are_counted_together_and_none_is_lost() {
        let (mut one, mut other) = (Bounded::default(), Bounded::default());
        for value in 0..20_000_u32 {
            one.add(value, 1);
            other.add(value + 10_000, 2);
        }
        one.merge(other);
        assert_eq!(one.len(), MAX as u64);
        let told: u64 = one.top(usize::MAX).iter().map(|(_, entries)| entries).sum();
        assert_eq!(told + one.others(), 60_000);
        assert!(one.others() > 0);
    }
}
