//! `/proc/net/stat/nf_conntrack`: a header, then a row of hexadecimal numbers for each possible CPU
//! (`ct_cpu_seq_show`). Columns differ between kernels, so they are found by their names. Or the same counters from
//! ctnetlink.

use crate::{model::table::KernelStats, source::netlink::stats::CpuStats};

/// The counters that are kept, by the names the header gives them: `clashres` was `searched` before 5.10, and
/// `chainlength` was `delete_list` before 5.15.
const COLUMNS: [&str; Stat::COUNTERS] = [
    "found",
    "invalid",
    "insert",
    "insert_failed",
    "drop",
    "early_drop",
    "clashres",
    "chainlength",
];

/// The file's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    entries: Option<u64>,
    has: [bool; Stat::COUNTERS],
    /// By CPU; 0 where this kernel does not have the column.
    pub(super) cpus: Vec<[u32; Stat::COUNTERS]>,
}

impl Stat {
    pub(super) const COUNTERS: usize = 8;

    /// `None` when it is not that file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next()?.split_whitespace().collect();
        let place = |name: &str| header.iter().position(|column| *column == name);
        let places = COLUMNS.map(place);
        let (mut cpus, mut entries) = (Vec::new(), None);
        for line in lines {
            let numbers: Option<Vec<u32>> = line
                .split_whitespace()
                .map(|number| u32::from_str_radix(number, 16).ok())
                .collect();
            let numbers = numbers?;
            let value = |place: Option<usize>| numbers.get(place?).copied();
            // Each row repeats the namespace's total.
            entries = value(place("entries")).map(u64::from);
            cpus.push(places.map(|place| value(place).unwrap_or(0)));
        }
        place("early_drop").map(|_| Self {
            entries,
            has: places.map(|place| place.is_some()),
            cpus,
        })
    }

    /// From ctnetlink's answer, which has no count of entries.
    pub(super) fn from_cpus(cpus: &[CpuStats]) -> Self {
        let rows: Vec<[Option<u32>; Self::COUNTERS]> = cpus.iter().map(row).collect();
        let has = rows.first().map_or([false; Self::COUNTERS], |first| {
            first.map(|counter| counter.is_some())
        });
        Self {
            entries: None,
            has,
            cpus: rows
                .iter()
                .map(|row| row.map(Option::unwrap_or_default))
                .collect(),
        }
    }

    /// The namespace's `nf_conntrack_count`, where the source has it.
    pub(super) fn entries(&self) -> Option<u64> {
        self.entries
    }

    /// These sums by their names, less those this kernel does not have.
    pub(super) fn named(&self, sums: [u64; Self::COUNTERS]) -> KernelStats {
        let [
            found,
            invalid,
            insert,
            insert_failed,
            drop,
            early_drop,
            clashes,
            chains,
        ] = sums;
        let [.., has_clashes, has_chains] = self.has;
        KernelStats {
            found,
            invalid,
            insert,
            insert_failed,
            drop,
            early_drop,
            clash_resolve: has_clashes.then_some(clashes),
            chaintoolong: has_chains.then_some(chains),
        }
    }
}

/// In the order of [`COLUMNS`].
fn row(cpu: &CpuStats) -> [Option<u32>; Stat::COUNTERS] {
    [
        cpu.found,
        cpu.invalid,
        cpu.insert,
        cpu.insert_failed,
        cpu.drop,
        cpu.early_drop,
        cpu.clash_resolve,
        cpu.chaintoolong,
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "recorded text")]

    use proptest::prelude::*;

    use super::*;

    /// Linux 6.18, two CPUs.
    const RECORDED: &str =
        include_str!("../../../../tests/golden/node/proc-net-stat-nf_conntrack.txt");
    /// Linux 5.4's header: no clashes, no chain lengths.
    const OLD: &str = "\
entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
00000003  00000001 00000002 00000000 00000004 00000005 00000006 00000007 00000008 00000009 0000000a 0000000b 00000000  00000000 00000000 00000000 00000000
";

    #[test]
    fn columns_are_found_by_name() {
        let stat = Stat::parse(RECORDED).unwrap();
        assert_eq!(stat.entries(), Some(15));
        assert_eq!(stat.cpus, [[0; 8], [0, 0, 5, 0, 0, 0, 0, 0]]);
        let named = stat.named([0, 0, 5, 0, 0, 0, 6, 7]);
        assert_eq!(
            (named.insert, named.clash_resolve, named.chaintoolong),
            (5, Some(6), Some(7))
        );
    }

    #[test]
    fn columns_that_a_kernel_lacks_are_unknown_and_not_zero() {
        let stat = Stat::parse(OLD).unwrap();
        assert_eq!(stat.cpus, [[2, 4, 8, 9, 10, 11, 0, 0]]);
        let named = stat.named([2, 4, 8, 9, 10, 11, 0, 0]);
        assert_eq!((named.drop, named.early_drop), (10, 11));
        assert_eq!((named.clash_resolve, named.chaintoolong), (None, None));
    }

    #[test]
    fn ctnetlink_gives_the_same_figures_as_the_file() {
        let cpu = CpuStats {
            insert: Some(5),
            drop: Some(2),
            early_drop: Some(1),
            clash_resolve: Some(3),
            ..CpuStats::default()
        };
        let stat = Stat::from_cpus(&[CpuStats::default(), cpu].map(|cpu| CpuStats {
            clash_resolve: Some(3),
            ..cpu
        }));
        assert_eq!(stat.entries(), None);
        assert_eq!(stat.cpus[1], [0, 0, 5, 0, 2, 1, 3, 0]);
        let named = stat.named([0, 0, 5, 0, 2, 1, 6, 0]);
        assert_eq!((named.insert, named.drop, named.early_drop), (5, 2, 1));
        assert_eq!((named.clash_resolve, named.chaintoolong), (Some(6), None));
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "entries drop\n1 2\n", "entries early_drop\n1 what\n"] {
            assert_eq!(Stat::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_in_a_result(rows: String) {
            let _ = Stat::parse(&rows);
            let _ = Stat::parse(&format!("entries early_drop\n{rows}"));
        }
    }
}
