//! How many of the entries that may have been evicted were, by the kernel's own count.

/// The kernel's `early_drop` of one namespace against what was called evicted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evictions {
    /// `early_drop` when it was first read, from where the books count it; what ended before is not called evicted.
    reference: Option<u64>,
    evicted: u64,
}

/// Ends of entries that were not assured and that nobody asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Candidates {
    /// With a second left or more.
    pub(super) early: u64,
    /// In the last second. Most of these expired, so they are evicted only where the others do not suffice.
    pub(super) late: u64,
}

impl Evictions {
    /// How many of the candidates were evicted, `early_drop` being this much now: of those that waited for this figure,
    /// and of those that are new. What is left of the new ones waits for the next: the kernel counts an eviction after
    /// it told of it, and the figure may be older than the message.
    pub(super) fn settle(
        &mut self,
        early_drop: u64,
        waiting: Candidates,
        new: Candidates,
    ) -> (Candidates, Candidates) {
        let reference = *self.reference.get_or_insert(early_drop);
        let mut due = early_drop
            .saturating_sub(reference)
            .saturating_sub(self.evicted);
        let mut take = |candidates: u64| {
            let evicted = due.min(candidates);
            due -= evicted;
            self.evicted += evicted;
            evicted
        };
        let early = (take(waiting.early), take(new.early));
        let late = (take(waiting.late), take(new.late));
        let of = |early, late| Candidates { early, late };
        (of(early.0, late.0), of(early.1, late.1))
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

    const NONE: Candidates = Candidates { early: 0, late: 0 };

    fn of(early: u64, late: u64) -> Candidates {
        Candidates { early, late }
    }

    #[test]
    fn as_many_are_evicted_as_the_kernel_says_and_those_with_time_left_first() {
        let mut evictions = Evictions::default();
        let before_the_books = evictions.settle(100, NONE, of(7, 7));
        assert_eq!(before_the_books, (NONE, NONE));
        assert_eq!(evictions.settle(103, NONE, of(3, 9)), (NONE, of(3, 0)));
        assert_eq!(evictions.settle(103, NONE, of(2, 9)), (NONE, NONE));
        assert_eq!(
            evictions.settle(110, of(2, 9), of(3, 1)),
            (of(2, 2), of(3, 0))
        );
    }

    #[test]
    fn an_end_that_comes_before_the_kernels_figure_waits_for_the_next() {
        let mut evictions = Evictions::default();
        evictions.settle(0, NONE, NONE);
        assert_eq!(evictions.settle(0, NONE, of(3_000, 0)), (NONE, NONE));
        assert_eq!(
            evictions.settle(3_000, of(3_000, 0), of(5, 0)),
            (of(3_000, 0), NONE)
        );
        assert_eq!(evictions.settle(3_000, of(5, 0), NONE), (NONE, NONE));
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
