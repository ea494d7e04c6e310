//! The kernel's statistics are 32 bits wide a CPU and wrap; added up over samples they only grow.

use super::stat::Stat;
use crate::model::table::KernelStats;

/// A step of so much is none: the counter was made anew, with the module or with another namespace of this inode.
const HALF: u32 = 1 << 31;

/// One namespace's statistics since they were first read. Right as long as no counter of one CPU advances by
/// [`HALF`] or more between two reads.
#[derive(Debug, Default)]
pub(super) struct Unwrap {
    before: Vec<[u32; Stat::COUNTERS]>,
    sums: [u64; Stat::COUNTERS],
}

impl Unwrap {
    /// Takes a reading; the first counts from 0.
    pub(super) fn add(&mut self, stat: &Stat) -> KernelStats {
        self.before.resize(stat.cpus.len(), [0; Stat::COUNTERS]);
        for (now, before) in stat.cpus.iter().zip(&mut self.before) {
            for ((sum, now), before) in self.sums.iter_mut().zip(now).zip(before.iter()) {
                let step = now.wrapping_sub(*before);
                *sum += u64::from(if step < HALF { step } else { *now });
            }
            *before = *now;
        }
        stat.named(self.sums)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "text that the test itself made")]

    use proptest::prelude::*;

    use super::*;

    fn drops(unwrap: &mut Unwrap, cpus: &[u32]) -> u64 {
        let rows: String = cpus.iter().map(|drop| format!("1 {drop:x} 0\n")).collect();
        let stat = Stat::parse(&format!("entries drop early_drop\n{rows}")).unwrap();
        unwrap.add(&stat).drop
    }

    #[test]
    fn a_counter_that_wraps_goes_on_growing() {
        let mut unwrap = Unwrap::default();
        drops(&mut unwrap, &[HALF - 1, 0]);
        assert_eq!(
            drops(&mut unwrap, &[u32::MAX - 1, 10]),
            u64::from(u32::MAX) + 9
        );
        assert_eq!(drops(&mut unwrap, &[3, 10]), u64::from(u32::MAX) + 14);
        assert_eq!(drops(&mut unwrap, &[3, 11]), u64::from(u32::MAX) + 15);
    }

    #[test]
    fn a_counter_that_was_made_anew_counts_from_0() {
        let mut unwrap = Unwrap::default();
        assert_eq!(drops(&mut unwrap, &[1_000]), 1_000);
        assert_eq!(drops(&mut unwrap, &[7]), 1_007);
        assert_eq!(drops(&mut unwrap, &[9]), 1_009);
    }

    proptest! {
        #[test]
        fn what_was_added_is_what_is_reported(steps in proptest::collection::vec(0..HALF, 1..50)) {
            let (mut unwrap, mut total) = (Unwrap::default(), 0_u64);
            for step in steps {
                total += u64::from(step);
                prop_assert_eq!(drops(&mut unwrap, &[total as u32]), total);
            }
        }
    }
}
