//! How many of the entries that may have been evicted were, by the kernel's own count.

use crate::model::table::Table;

/// The kernel's `early_drop` of one namespace against what was called evicted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evictions {
    /// `early_drop` when it was first read, from where the books count it; what ended before is not called evicted.
    reference: Option<u64>,
    evicted: u64,
}

/// Ends of entries that were not assured and that nobody asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Candidates {
    /// With a second left or more.
    pub(super) early: u64,
    /// Of them, those that may be younger than the kernel's figure.
    pub(super) fresh: u64,
    /// In the last second. Most of these expired, so they are evicted only where the others do not suffice.
    pub(super) late: u64,
}

/// What the kernel says of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    /// Its counter.
    pub(super) early_drop: u64,
    /// Nine tenths of the limit are reached: evictions are to be expected.
    pub(super) crowded: bool,
}

impl Kernel {
    /// `None` where the statistics could not be read.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let fill = table.count.zip(table.max.filter(|max| *max > 0));
        Some(Self {
            early_drop: table.stats?.early_drop,
            crowded: fill
                .is_some_and(|(count, max)| count.saturating_mul(10) >= max.saturating_mul(9)),
        })
    }
}

impl Evictions {
    /// How many of the candidates were evicted, of the early and of the late ones, `early_drop` being this much now.
    ///
    /// While the table is crowded, those younger than that figure are taken for evicted before the kernel tells so,
    /// and are set off against its next figure.
    pub(super) fn settle(&mut self, kernel: Kernel, candidates: Candidates) -> (u64, u64) {
        let Some(reference) = self.reference else {
            self.reference = Some(kernel.early_drop);
            return (0, 0);
        };
        let told = kernel.early_drop.saturating_sub(reference);
        let due = told.saturating_sub(self.evicted);
        let late = due.saturating_sub(candidates.early).min(candidates.late);
        let due = due.min(candidates.early);
        let ahead = if kernel.crowded {
            (candidates.early - due).min(candidates.fresh)
        } else {
            0
        };
        self.evicted += due + ahead + late;
        (due + ahead, late)
    }
}

/// Shares `total` out in proportion to `parts`, none of which gets more than it is; the largest remainders get what
/// whole numbers leave over.
pub(super) fn share(total: u64, parts: &[u64]) -> Vec<u64> {
    let sum: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    let total = u128::from(total).min(sum);
    if sum == 0 {
        return vec![0; parts.len()];
    }
    let exact = |part: u64| u128::from(part) * total;
    let mut shares: Vec<u64> = parts
        .iter()
        .map(|part| (exact(*part) / sum) as u64)
        .collect();
    let given: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(parts.get(*at).map(|part| exact(*part) % sum)));
    for at in order.into_iter().take((total - given) as usize) {
        if let Some(share) = shares.get_mut(at) {
            *share += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(early: u64, fresh: u64, late: u64) -> Candidates {
        Candidates { early, fresh, late }
    }

    fn kernel(early_drop: u64, crowded: bool) -> Kernel {
        Kernel {
            early_drop,
            crowded,
        }
    }

    #[test]
    fn as_many_are_evicted_as_the_kernel_says() {
        let mut evictions = Evictions::default();
        let mut settle = |early_drop, early, late| {
            evictions.settle(kernel(early_drop, false), candidates(early, early, late))
        };
        assert_eq!(settle(100, 7, 7), (0, 0), "before the books");
        assert_eq!(settle(103, 3, 9), (3, 0));
        assert_eq!(settle(103, 2, 9), (0, 0), "the kernel evicts no more");
        assert_eq!(settle(110, 3, 1), (3, 1));
        assert_eq!(settle(110, 5, 0), (3, 0), "that had not been seen ending");
        assert_eq!(settle(110, 5, 5), (0, 0));
    }

    #[test]
    fn an_end_that_comes_before_the_kernels_figure_is_set_off_against_the_next() {
        let mut evictions = Evictions::default();
        let mut settle =
            |early_drop, candidates| evictions.settle(kernel(early_drop, true), candidates);
        settle(0, candidates(0, 0, 0));
        assert_eq!(settle(0, candidates(2, 2, 0)), (2, 0), "the first of all");
        assert_eq!(settle(10, candidates(10, 2, 0)), (10, 0));
        assert_eq!(settle(12, candidates(1, 0, 1)), (0, 0));
        assert_eq!(settle(13, candidates(1, 0, 0)), (1, 0));
    }

    proptest! {
        #[test]
        fn shares_add_up(total in 0_u64..2_000, parts in proptest::collection::vec(0_u64..100, 0..20)) {
            let shares = share(total, &parts);
            let sum: u64 = parts.iter().sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), total.min(sum));
            for (share, part) in shares.iter().zip(&parts) {
                prop_assert!(share <= part);
                let exact = if sum == 0 { 0.0 } else { *part as f64 * total.min(sum) as f64 / sum as f64 };
                prop_assert!((*share as f64 - exact).abs() < 1.0);
            }
        }
    }
}
