//! How long entries lived.

use std::{collections::BTreeMap, ops::AddAssign};

use serde::{Deserialize, Serialize};

/// Lifetimes of a sample of an endpoint's entries that began and ended while they were watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifetimes {
    /// Sampled entries that ended, by what they lived less than, in milliseconds; each bound is twice the one
    /// before, and buckets without an entry are left out.
    pub buckets: BTreeMap<u64, u64>,
}

impl Lifetimes {
    /// One entry in this many is sampled.
    pub const SAMPLED_ONE_IN: u64 = 16;

    /// Entries sampled.
    #[must_use]
    pub fn sampled(&self) -> u64 {
        self.buckets
            .values()
            .fold(0, |sum, sampled| sum.saturating_add(*sampled))
    }

    /// What `percent` of the entries lived at most, in milliseconds: the upper bound of a bucket, so up to twice
    /// the lifetime itself. `None` where so few were sampled that not one of them would lie above.
    #[must_use]
    pub fn at_most_ms(&self, percent: u8) -> Option<u64> {
        let all = u128::from(self.sampled());
        let above = u128::from(100_u8.saturating_sub(percent));
        if all * above < 100 {
            return None;
        }
        let mut seen = 0;
        self.buckets.iter().find_map(|(below_ms, sampled)| {
            seen += u128::from(*sampled);
            (seen * 100 >= all * u128::from(percent)).then_some(*below_ms)
        })
    }
}

impl AddAssign<&Self> for Lifetimes {
    fn add_assign(&mut self, more: &Self) {
        for (below_ms, sampled) in &more.buckets {
            let sum = self.buckets.entry(*below_ms).or_default();
            *sum = sum.saturating_add(*sampled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetimes(buckets: &[(u64, u64)]) -> Lifetimes {
        Lifetimes {
            buckets: buckets.iter().copied().collect(),
        }
    }

    #[test]
    fn a_quantile_is_the_bound_of_the_bucket_it_lies_in() {
        let some = lifetimes(&[(64, 50), (128, 40), (4_096, 10)]);
        assert_eq!(some.at_most_ms(50), Some(64));
        assert_eq!(some.at_most_ms(51), Some(128));
        assert_eq!(some.at_most_ms(90), Some(128));
        assert_eq!(some.at_most_ms(99), Some(4_096));
    }

    #[test]
    fn a_quantile_of_too_few_entries_is_not_told() {
        assert_eq!(lifetimes(&[]).at_most_ms(50), None);
        let few = lifetimes(&[(64, 10)]);
        assert_eq!(few.at_most_ms(90), Some(64));
        assert_eq!(few.at_most_ms(91), None);
    }

    #[test]
    fn a_port_on_two_addresses_has_the_lifetimes_of_both() {
        let mut both = lifetimes(&[(64, 1), (128, 2)]);
        both += &lifetimes(&[(128, 3), (256, u64::MAX)]);
        assert_eq!(both, lifetimes(&[(64, 1), (128, 5), (256, u64::MAX)]));
        assert_eq!(both.sampled(), u64::MAX);
    }
}
