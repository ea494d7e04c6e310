//! Counts by something of which there may be any number.

use std::{cmp::Reverse, collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

/// Values that are told apart; a few megabytes at most.
const MAX: usize = 16_384;

/// Entries by value. Beyond so many values those that come new are counted together, and the entries of a value are
/// then a lower bound.
#[derive(Clone, Debug)]
pub struct Bounded<K> {
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
    /// Counts entries of a value.
    pub fn add(&mut self, value: K, entries: u64) {
        if let Some(count) = self.counts.get_mut(&value) {
            *count += entries;
        } else if self.counts.len() < MAX {
            self.counts.insert(value, entries);
        } else {
            self.others += entries;
        }
    }

    /// Takes over what another has counted.
    pub fn merge(&mut self, other: Self) {
        self.others += other.others;
        for (value, entries) in other.counts {
            self.add(value, entries);
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Values told apart.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.len() as u64
    }

    /// All entries.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.others
    }

    /// Entries of all others.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The values with the most entries, most first, then in their own order.
    #[must_use]
    pub fn top(&self, rows: usize) -> Vec<(K, u64)> {
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
