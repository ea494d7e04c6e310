//! Failed inserts that the kernel counts and the probes do not see yet.

use std::collections::HashMap;

use crate::model::{endpoint::Netns, sample::Sample};

/// The kernel's `insert_failed` at the last sample.
#[derive(Debug, Default)]
pub(super) struct Failures {
    before: HashMap<Netns, u64>,
}

impl Failures {
    /// Whether the kernel counted more failed inserts since the last sample than the probes did.
    pub(super) fn are_unexplained(&mut self, sample: &Sample) -> bool {
        let mut kernel = 0;
        for table in &sample.tables {
            let Some(stats) = table.stats else { continue };
            if let Some(before) = self.before.insert(table.netns, stats.insert_failed) {
                kernel += stats.insert_failed.saturating_sub(before);
            }
        }
        let counted: u64 = sample.all().map(|counters| counters.insert_failed).sum();
        kernel > counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        counters::Counters,
        sample::Losses,
        table::{KernelStats, Table},
    };

    fn sample(kernel: u64, counted: u64) -> Sample {
        let netns = Netns {
            cookie: 1,
            inode: 1,
        };
        Sample {
            at_ms: 0,
            elapsed_ms: 0,
            deltas: Vec::new(),
            unattributed: Counters {
                insert_failed: counted,
                ..Counters::default()
            },
            evictions: Vec::new(),
            tables: vec![Table {
                netns,
                count: None,
                max: None,
                buckets: None,
                stats: Some(KernelStats {
                    insert_failed: kernel,
                    ..KernelStats::default()
                }),
            }],
            losses: Losses::default(),
        }
    }

    #[test]
    fn only_what_the_probes_did_not_see_is_unexplained() {
        let mut failures = Failures::default();
        assert!(!failures.are_unexplained(&sample(1_000, 0)), "from before");
        assert!(!failures.are_unexplained(&sample(1_007, 7)), "all clashes");
        assert!(failures.are_unexplained(&sample(1_010, 2)), "one is not");
        assert!(!failures.are_unexplained(&sample(1_010, 0)), "none");
    }
}
