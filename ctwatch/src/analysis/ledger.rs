//! The books: what ctwatch counted against what the kernel says of itself.
//!
//! A namespace's books open with the first sample that shows its table and close with the last: what was counted
//! in between is held against the difference of the kernel's figures. Take a first sample right after the probes
//! are attached, before there is anything to count, and the books cover the whole recording.

use std::collections::BTreeMap;

use super::refused::drops_but_clashes;
use crate::model::{
    counters::Counters,
    endpoint::Netns,
    ledger::{Compared, Ledger, NetnsLedger},
    sample::{Losses, Sample},
    table::{KernelStats, Table},
    unobserved::{Figure, Unobserved},
};

/// The books of all of `samples`, which are in order of time and whose source does not see what is `unobserved`.
#[must_use]
pub fn ledger(samples: &[Sample], unobserved: &Unobserved) -> Ledger {
    let mut books = Books::new(unobserved);
    for sample in samples {
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
    /// First and last table.
    tables: Option<(Table, Table)>,
    /// Counted between these two.
    matched: Counters,
    /// Counted since the last, or ever when there was none.
    open: Counters,
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

    fn close(&self, netns: Netns, unobserved: &Unobserved) -> NetnsLedger {
        let counted = match self.tables {
            Some(_) => &self.matched,
            None => &self.open,
        };
        let stats = self.stats();
        let kernel = |figure: fn(&KernelStats) -> Option<u64>| -> Option<u64> {
            let (first, last) = stats?;
            figure(&last)?.checked_sub(figure(&first)?)
        };
        let compared = |figure, ctwatch, kernel| Compared {
            ctwatch: unobserved.told(figure, ctwatch),
            kernel,
        };
        // nf_ct_resolve_clash counts a clash it cannot resolve as insert_failed and as drop.
        let drop_clashes = unobserved.told(Figure::ClashDropped, counted.clash_dropped);
        let drops = match drop_clashes {
            Some(clashes) => kernel(|s| Some(s.drop)).map(|drop| drop.saturating_sub(clashes)),
            None => stats.and_then(|(first, last)| drops_but_clashes(&first, &last)),
        };
        let evicted = counted.ended.evicted;
        let (failed, merged) = (counted.insert_failed, counted.clash_merged);
        let kernel_failed = kernel(|s| Some(s.insert_failed));
        NetnsLedger {
            netns,
            inserted: counted.inserted,
            ended: counted.ended.total(),
            count_change: self.count_change(),
            refused: compared(Figure::Refused, counted.refused, drops),
            drop_clashes,
            evicted: compared(Figure::Evicted, evicted, kernel(|s| Some(s.early_drop))),
            insert_failed: compared(Figure::InsertFailed, failed, kernel_failed),
            clash_merged: compared(Figure::ClashMerged, merged, kernel(|s| s.clash_resolve)),
        }
    }

    /// The kernel's statistics with the first table and with the last.
    fn stats(&self) -> Option<(KernelStats, KernelStats)> {
        let (first, last) = self.tables?;
        first.stats.zip(last.stats)
    }

    fn count_change(&self) -> Option<i64> {
        let (first, last) = self.tables?;
        Some(last.count?.cast_signed() - first.count?.cast_signed())
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
        let ledger = ledger(&samples, &Unobserved::default());
        let books = ledger.namespaces.first().unwrap();
        assert_eq!(
            (books.inserted, books.ended, books.count_change),
            (10, 5, Some(5))
        );
        let compared = |figure: Compared| (figure.ctwatch, figure.kernel);
        assert_eq!(compared(books.evicted), (Some(3), Some(3)));
        // Of six drops one was a clash, four were refusals, one is something else.
        assert_eq!(books.drop_clashes, Some(1));
        assert_eq!(compared(books.refused), (Some(4), Some(5)));
        assert_eq!(books.clash_merged.kernel, None);
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
        let ledger = ledger(&samples, &Unobserved::default());
        let books = ledger.namespaces.first().unwrap();
        assert_eq!((books.inserted, books.count_change), (12, None));
        assert_eq!(books.evicted.kernel, None);
        assert_eq!(ledger.losses.probe_misses, None);
    }

    #[test]
    fn no_samples_make_empty_books() {
        assert_eq!(ledger(&[], &Unobserved::default()), Ledger::default());
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
        let compared = |figure: Compared| (figure.ctwatch, figure.kernel);
        let by_netlink = ledger(&samples, &Unobserved::of(Backend::Netlink, true));
        let books = by_netlink.namespaces.first().unwrap();
        assert_eq!(compared(books.refused), (Some(4), Some(7)));
        assert_eq!(compared(books.evicted), (Some(0), Some(9)));
        assert_eq!(compared(books.insert_failed), (None, Some(2)));
        assert_eq!(books.drop_clashes, None);
        let by_dumps = ledger(&samples, &Unobserved::of(Backend::Dump, false));
        let books = by_dumps.namespaces.first().unwrap();
        assert_eq!(compared(books.refused), (None, Some(7)));
        assert_eq!(compared(books.evicted), (None, Some(9)));
    }
}
