//! The books: what ctwatch counted beside what the kernel says of itself ([`super::proof`] holds the two against each
//! other).
//!
//! A namespace's books open with the first sample that shows its table and close with the last: what was counted
//! in between stands beside the difference of the kernel's figures. Take a first sample right after the probes
//! are attached, before there is anything to count, and the books cover the whole recording. At a gap they close, and
//! open again with the next table.

use std::collections::BTreeMap;

use crate::model::{
    counters::Counters,
    endpoint::Netns,
    gap::Gap,
    ledger::{Counted, Kernel, Ledger, NetnsLedger},
    sample::{Losses, Sample},
    table::Table,
    unobserved::{Figure, Unobserved},
};

/// The books of all of `samples`, which are in order of time and whose source does not see what is `unobserved`.
#[must_use]
pub fn ledger(samples: &[Sample], gaps: &[Gap], unobserved: &Unobserved) -> Ledger {
    let mut books = Books::new(unobserved);
    let mut gaps = gaps.iter().peekable();
    for sample in samples {
        while gaps.next_if(|gap| gap.from_ms <= sample.at_ms).is_some() {
            books.gap();
        }
        books.add(sample);
    }
    books.close()
}

/// Books that are kept while samples come in; a recorder need not keep the samples.
#[derive(Clone, Debug, Default)]
pub struct Books {
    accounts: BTreeMap<Netns, Account>,
    losses: Option<Losses>,
    unobserved: Unobserved,
}

/// One namespace's.
#[derive(Clone, Debug, Default)]
struct Account {
    /// First and last table since the last gap.
    tables: Option<(Table, Table)>,
    /// What the tables before it showed.
    closed: Option<Stretch>,
    /// Counted between two tables.
    matched: Counters,
    /// Counted since the last table, or ever when there was none.
    open: Counters,
}

/// From one table to another.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    kernel: Kernel,
    count_change: Option<i64>,
}

impl Books {
    /// Empty books of a source that does not see what is `unobserved`.
    #[must_use]
    pub fn new(unobserved: &Unobserved) -> Self {
        Self {
            unobserved: unobserved.clone(),
            ..Self::default()
        }
    }

    /// Adds the sample that follows those added so far.
    pub fn add(&mut self, sample: &Sample) {
        match &mut self.losses {
            Some(losses) => *losses += sample.losses,
            None => self.losses = Some(sample.losses),
        }
        for (endpoint, counters) in &sample.deltas {
            self.accounts.entry(endpoint.netns).or_default().open += *counters;
        }
        for table in &sample.tables {
            self.accounts.entry(table.netns).or_default().show(table);
        }
    }

    /// Between the samples added so far and the next lies a time in which nothing was watched: the kernel's figures on
    /// either side of it have nothing to do with each other.
    pub fn gap(&mut self) {
        self.accounts.values_mut().for_each(Account::interrupt);
    }

    /// The books as they stand.
    #[must_use]
    pub fn close(&self) -> Ledger {
        Ledger {
            namespaces: self
                .accounts
                .iter()
                .map(|(netns, account)| account.close(*netns, &self.unobserved))
                .collect(),
            losses: self.losses.unwrap_or_default(),
        }
    }
}

impl Account {
    fn show(&mut self, table: &Table) {
        let open = std::mem::take(&mut self.open);
        match &mut self.tables {
            // Counted before there was a table to compare with.
            None => self.tables = Some((*table, *table)),
            Some((_, last)) => {
                *last = *table;
                self.matched += open;
            }
        }
    }

    fn interrupt(&mut self) {
        self.closed = self.stretch();
        if self.tables.take().is_some() {
            self.open = Counters::default();
        }
    }

    /// All that tables showed.
    fn stretch(&self) -> Option<Stretch> {
        let now = self
            .tables
            .map(|(first, last)| Stretch::between(&first, &last));
        match (self.closed, now) {
            (Some(closed), Some(now)) => Some(closed.and(now)),
            (closed, now) => closed.or(now),
        }
    }

    fn close(&self, netns: Netns, unobserved: &Unobserved) -> NetnsLedger {
        let stretch = self.stretch();
        let counted = match stretch {
            Some(_) => &self.matched,
            None => &self.open,
        };
        NetnsLedger {
            netns,
            inserted: counted.inserted,
            ended: counted.ended.total(),
            count_change: stretch.and_then(|stretch| stretch.count_change),
            counted: told(counted, unobserved),
            kernel: stretch.map(|stretch| stretch.kernel).unwrap_or_default(),
        }
    }
}

impl Stretch {
    fn between(first: &Table, last: &Table) -> Self {
        let counts = first.count.zip(last.count);
        Self {
            kernel: Kernel::between(first, last),
            count_change: counts.map(|(first, last)| last.cast_signed() - first.cast_signed()),
        }
    }

    fn and(self, more: Self) -> Self {
        let changes = self.count_change.zip(more.count_change);
        Self {
            kernel: self.kernel + more.kernel,
            count_change: changes.map(|(change, more)| change + more),
        }
    }
}

fn told(counted: &Counters, unobserved: &Unobserved) -> Counted {
    let told = |figure, value| unobserved.told(figure, value);
    Counted {
        refused: told(Figure::Refused, counted.refused),
        evicted: told(Figure::Evicted, counted.ended.evicted),
        insert_failed: told(Figure::InsertFailed, counted.insert_failed),
        clash_dropped: told(Figure::ClashDropped, counted.clash_dropped),
        nat_exhausted: told(Figure::NatExhausted, counted.nat_exhausted),
        chain_too_long: told(Figure::ChainTooLong, counted.chain_too_long),
        dying: told(Figure::Dying, counted.dying),
        clash_merged: told(Figure::ClashMerged, counted.clash_merged),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

    use super::*;
    use crate::model::{
        counters::Ended,
        endpoint::{Endpoint, Family, Protocol},
        recording::Backend,
        table::KernelStats,
    };

    const NETNS: Netns = Netns {
        cookie: 1,
        inode: 1,
    };

    fn sample(counters: Counters, table: Option<Table>, probe_misses: Option<u64>) -> Sample {
        let endpoint = Endpoint {
            netns: NETNS,
            family: Family::Ipv4,
            protocol: Protocol::TCP,
            role: None,
            port: 443,
            address: None,
        };
        Sample {
            at_ms: 0,
            elapsed_ms: 0,
            deltas: vec![(endpoint, counters)],
            unattributed: Counters::default(),
            evictions: Vec::new(),
            tables: table.into_iter().collect(),
            losses: Losses {
                probe_misses,
                cause_lost: 1,
                ..Losses::default()
            },
        }
    }

    fn inserted(inserted: u64) -> Counters {
        Counters {
            inserted,
            ..Counters::default()
        }
    }

    fn table(count: u64, stats: KernelStats) -> Option<Table> {
        Some(Table {
            netns: NETNS,
            count: Some(count),
            max: Some(100),
            buckets: None,
            stats: Some(stats),
        })
    }

    #[test]
    fn counts_between_the_first_and_the_last_table_are_held_against_the_kernel() {
        let stats = |early_drop, drop| KernelStats {
            early_drop,
            drop,
            insert_failed: drop,
            ..KernelStats::default()
        };
        let busy = Counters {
            inserted: 10,
            ended: Ended {
                expired: 2,
                evicted: 3,
                ..Ended::default()
            },
            refused: 4,
            insert_failed: 1,
            clash_dropped: 1,
            ..Counters::default()
        };
        let samples = [
            sample(inserted(7), table(7, stats(100, 50)), Some(0)),
            sample(busy, table(12, stats(103, 56)), Some(2)),
            sample(inserted(5), None, Some(1)),
        ];
        let ledger = ledger(&samples, &[], &Unobserved::default());
        let books = ledger.namespaces.first().unwrap();
        assert_eq!(
            (books.inserted, books.ended, books.count_change),
            (10, 5, Some(5))
        );
        let counted = &books.counted;
        assert_eq!(
            (counted.evicted, counted.refused, counted.clash_dropped),
            (Some(3), Some(4), Some(1))
        );
        let kernel = &books.kernel;
        assert_eq!(
            (kernel.early_drop, kernel.drop, kernel.insert_failed),
            (Some(3), Some(6), Some(6))
        );
        assert_eq!(kernel.clash_resolve, None);
        assert_eq!(
            (ledger.losses.probe_misses, ledger.losses.cause_lost),
            (Some(3), 3)
        );
    }

    #[test]
    fn a_namespace_without_tables_has_counts_and_no_kernel() {
        let samples = [
            sample(inserted(7), None, None),
            sample(inserted(5), None, Some(0)),
        ];
        let ledger = ledger(&samples, &[], &Unobserved::default());
        let books = ledger.namespaces.first().unwrap();
        assert_eq!((books.inserted, books.count_change), (12, None));
        assert_eq!(books.kernel, Kernel::default());
        assert_eq!(ledger.losses.probe_misses, None);
    }

    #[test]
    fn no_samples_make_empty_books() {
        assert_eq!(ledger(&[], &[], &Unobserved::default()), Ledger::default());
    }

    #[test]
    fn what_the_source_does_not_see_is_the_kernels_alone() {
        let stats = |drop, insert_failed| KernelStats {
            drop,
            insert_failed,
            early_drop: drop,
            ..KernelStats::default()
        };
        let refused = Counters {
            refused: 4,
            ..Counters::default()
        };
        let samples = [
            sample(inserted(0), table(0, stats(0, 0)), None),
            sample(refused, table(0, stats(9, 2)), None),
        ];
        let by_netlink = ledger(&samples, &[], &Unobserved::of(Backend::Netlink, true));
        let counted = &by_netlink.namespaces.first().unwrap().counted;
        assert_eq!((counted.refused, counted.evicted), (Some(4), Some(0)));
        assert_eq!((counted.insert_failed, counted.clash_dropped), (None, None));
        let by_dumps = ledger(&samples, &[], &Unobserved::of(Backend::Dump, false));
        let books = by_dumps.namespaces.first().unwrap();
        assert_eq!(books.counted, Counted::default());
        assert_eq!(
            (books.kernel.drop, books.kernel.early_drop),
            (Some(9), Some(9))
        );
    }

    #[test]
    fn at_a_gap_the_books_close_and_open_again() {
        let stats = |drop| KernelStats {
            drop,
            ..KernelStats::default()
        };
        let refused = |refused| Counters {
            inserted: 1,
            refused,
            ..Counters::default()
        };
        let mut samples = vec![
            sample(refused(9), table(5, stats(100)), Some(0)),
            sample(refused(4), table(8, stats(104)), Some(0)),
            // The table went, its counters with it, and what was counted last had no table any more.
            sample(refused(7), None, Some(0)),
            sample(refused(8), table(1, stats(2)), Some(0)),
            sample(refused(3), table(2, stats(5)), Some(0)),
        ];
        for (second, sample) in (0..).zip(&mut samples) {
            sample.at_ms = second * 1_000;
        }
        let gap = Gap {
            from_ms: 2_200,
            to_ms: 2_700,
            reason: "nf_conntrack was unloaded".to_owned(),
        };
        let books = ledger(&samples, &[gap], &Unobserved::default());
        let books = books.namespaces.first().unwrap();
        assert_eq!(books.counted.refused, Some(7));
        assert_eq!(books.kernel.drop, Some(7));
        assert_eq!((books.inserted, books.count_change), (2, Some(4)));
    }
}
