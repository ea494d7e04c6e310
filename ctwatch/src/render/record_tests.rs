use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::model::{
    endpoint::Netns,
    ledger::{Counted, Kernel, Ledger, NetnsLedger},
};

fn books(inode: u32) -> NetnsLedger {
    NetnsLedger {
        netns: Netns { cookie: 1, inode },
        inserted: 0,
        ended: 0,
        count_change: Some(0),
        counted: Counted {
            refused: Some(0),
            evicted: Some(0),
            insert_failed: Some(0),
            clash_dropped: Some(0),
            nat_exhausted: Some(0),
            chain_too_long: Some(0),
            dying: Some(0),
            clash_merged: Some(0),
        },
        kernel: Kernel {
            drop: Some(0),
            early_drop: Some(0),
            insert_failed: Some(0),
            chaintoolong: Some(0),
            clash_resolve: Some(0),
        },
    }
}

fn full(inode: u32) -> NetnsLedger {
    let quiet = books(inode);
    NetnsLedger {
        inserted: 117_689,
        ended: 89_755,
        count_change: Some(27_934),
        counted: Counted {
            refused: Some(572),
            evicted: Some(19_075),
            insert_failed: Some(48),
            clash_dropped: Some(47),
            nat_exhausted: Some(3),
            dying: Some(1),
            ..quiet.counted
        },
        kernel: Kernel {
            drop: Some(619),
            early_drop: Some(19_075),
            insert_failed: Some(48),
            chaintoolong: None,
            clash_resolve: Some(0),
        },
        ..quiet
    }
}

fn finished(namespaces: Vec<NetnsLedger>, losses: Losses) -> Finished {
    Finished {
        backend: Backend::Kprobe,
        ledger: Ledger { namespaces, losses },
        samples: 1_021,
        events_kept: Some(812),
        elapsed: Duration::from_millis(120_040),
        degraded: Vec::new(),
    }
}

fn summary_of(finished: &Finished) -> String {
    let text = summary(finished, Path::new("ctwatch.db"));
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    text
}

#[test]
fn the_books_and_what_was_lost_even_nothing() {
    let losses = Losses {
        probe_misses: Some(0),
        ..Losses::default()
    };
    let text = summary_of(&finished(vec![full(4_026_531_840), books(5)], losses));
    assert_snapshot!(text, @r"
    recorded 120.0 s in 1,021 samples to ctwatch.db
    netns 4026531840: 117,689 inserted, 89,755 ended
                    KERNEL  EXPLAINED  SHARE  REMAINDER
    entries        +27,934    +27,934                 0  nf_conntrack_count agrees
    drop               619        619  100 %          0  572 table_full, 44 clash, 3 nat_exhausted
    early_drop      19,075     19,075  100 %          0  19,075 evicted
    insert_failed       48         48  100 %          0  44 clash, 3 nat_exhausted, 1 dying
    chaintoolong         -          0      -          -
    clash_resolve        0          0      -          0
    1 other network namespace in which nothing happened
    lost: 0 probe hits, 0 events without a slot, 0 refusals without a tuple, 0 causes, 0 causes raced,
          0 reads, 0 returns
    details lost, totals exact: 0 events suppressed, 0 events without room, 0 newcomers of evictions
    events: 812 kept in the recording, as examples
    ");
}

#[test]
fn a_difference_is_shown_and_so_is_what_this_kernel_does_not_tell() {
    let all = full(4_026_531_840);
    let differs = NetnsLedger {
        count_change: Some(27_929),
        counted: Counted {
            evicted: Some(19_077),
            ..all.counted
        },
        kernel: Kernel {
            drop: Some(1_234_567_619),
            insert_failed: Some(50),
            chaintoolong: Some(2),
            ..all.kernel
        },
        ..all
    };
    let losses = Losses {
        unattributed: 1_234_567,
        cause_raced: 3,
        refused_ctnetlink: 7,
        ..Losses::default()
    };
    let text = summary_of(&finished(vec![differs], losses));
    assert_snapshot!(text, @r"
    recorded 120.0 s in 1,021 samples to ctwatch.db
    netns 4026531840: 117,689 inserted, 89,755 ended
                          KERNEL  EXPLAINED     SHARE       REMAINDER
    entries              +27,929    +27,934                        -5  read while entries moved, or
                                                                       some were missed
    drop           1,234,567,619        619    0.00 %  +1,234,567,000  572 table_full, 44 clash,
                                                                       3 nat_exhausted
    early_drop            19,075     19,077  100.01 %              -2  19,077 evicted
    insert_failed             50         48   96.00 %              +2  44 clash, 3 nat_exhausted,
                                                                       1 dying
    chaintoolong               2          0    0.00 %              +2
    clash_resolve              0          0         -               0
    remainder of drop: TCP connections that could not be reopened, failed sequence adjustments,
                       entries killed for a stale extension, what was lost or not seen
    remainder of early_drop: counted between the reading of the kernel's figure and ctwatch's
    remainder of insert_failed: stale extensions, failures before their cause was watched,
                                what was lost or not seen
    remainder of chaintoolong: entries that userspace inserted, failures before their cause was watched,
                               what was lost or not seen
    lost: probe hits unknown (this kernel does not count them; entries above are the check),
          1,234,567 events without a slot, 0 refusals without a tuple, 0 causes, 3 causes raced,
          0 reads, 0 returns
    details lost, totals exact: 0 events suppressed, 0 events without room, 0 newcomers of evictions
    refused to userspace (ctnetlink), which the kernel's drop leaves out: 7
    events: 812 kept in the recording, as examples
    ");
}

#[test]
fn namespaces_in_which_nothing_happened_are_a_number() {
    let unread = NetnsLedger {
        count_change: None,
        ..books(3)
    };
    let all = finished(vec![books(1), books(2), unread], Losses::default());
    let text = summary_of(&all);
    assert_eq!(
        text.lines().nth(1),
        Some(
            "3 network namespaces in which nothing happened (nf_conntrack_count could not be read in 1)"
        )
    );
}

#[test]
fn any_figure_of_its_own_has_a_namespace_listed() {
    let kernel = Kernel {
        early_drop: Some(1),
        ..books(1).kernel
    };
    let each = [
        NetnsLedger { kernel, ..books(1) },
        NetnsLedger {
            count_change: Some(-1),
            ..books(2)
        },
        NetnsLedger {
            inserted: 1,
            ended: 1,
            ..books(3)
        },
    ];
    let text = summary_of(&finished(each.to_vec(), Losses::default()));
    for inode in 1..=3 {
        assert!(text.contains(&format!("netns {inode}:")), "{text}");
    }
}

#[test]
fn progress_reads_well() {
    let now = Progress {
        elapsed: Duration::from_secs(61),
        fill: Some((65_535, 65_536)),
        inserted: 100_000,
        inserted_now: 2_469,
        interval: Duration::from_secs(2),
        refused: Some(1_200),
        evicted: None,
    };
    assert_eq!(
        progress(&now),
        "   61 s  65,535/65,536 entries (99 %)  +1,235/s  refused 1,200  evicted -"
    );
}

#[test]
fn in_documents_a_namespace_is_its_inode_number() {
    let document = json(
        &finished(vec![full(7)], Losses::default()),
        Path::new("a.db"),
    );
    let books = &document["ledger"]["namespaces"][0];
    assert_eq!((&books["netns"], &books["cookie"]), (&json!(7), &json!(1)));
    assert_eq!(
        books["refused"],
        json!({"ctwatch": 572, "kernel": 572, "difference": 0})
    );
    assert_eq!(
        books["proof"]["drop"],
        json!({
            "kernel": 619,
            "explained": 619,
            "parts": {"table_full": 572, "clash": 44, "nat_exhausted": 3},
            "share": 1.0,
            "remainder": 0,
        })
    );
    assert_eq!(books["proof"]["chaintoolong"]["kernel"], Value::Null);
    assert_eq!(
        document["events"],
        json!({"kept": 812, "suppressed": 0, "lost": 0})
    );
    assert_eq!(document["ledger"]["losses"]["probe_misses"], Value::Null);
}

#[test]
fn what_netlink_does_not_show_is_a_dash_and_its_own_losses_are_told() {
    let books = full(4_026_531_840);
    let by_netlink = Finished {
        backend: Backend::Netlink,
        events_kept: None,
        ..finished(
            vec![NetnsLedger {
                counted: Counted {
                    refused: Some(569),
                    evicted: Some(19_075),
                    ..Counted::default()
                },
                ..books
            }],
            Losses {
                events_lost: Some(0),
                refused_unattributed: 3,
                ..Losses::default()
            },
        )
    };
    assert_snapshot!(summary_of(&by_netlink), @r"
    recorded 120.0 s in 1,021 samples to ctwatch.db
    watched through netlink events: - is what they do not show
    netns 4026531840: 117,689 inserted, 89,755 ended
                    KERNEL  EXPLAINED    SHARE  REMAINDER
    entries        +27,934    +27,934                   0  nf_conntrack_count agrees
    drop               619        569  91.92 %        +50  569 table_full; clash,
                                                           nat_exhausted not seen
    early_drop      19,075     19,075    100 %          0  19,075 evicted
    insert_failed       48          -        -          -  clash, nat_exhausted, chain_too_long,
                                                           dying not seen
    chaintoolong         -          -        -          -  chain_too_long not seen
    clash_resolve        0          -        -          -  clash_merged not seen
    remainder of drop: TCP connections that could not be reopened, failed sequence adjustments,
                       entries killed for a stale extension, what was lost or not seen
    lost: 0 netlink events, 0 inserts that only a dump showed, 0 ends that only a dump showed,
          3 refusals without a packet, 0 entries without a place, 0 unreadable messages
    events: - (this source does not show connections one by one)
    ");
    let by_dumps = Finished {
        backend: Backend::Dump,
        events_kept: None,
        ..finished(
            vec![NetnsLedger {
                counted: Counted::default(),
                ..by_netlink.ledger.namespaces[0]
            }],
            Losses::default(),
        )
    };
    assert_snapshot!(summary_of(&by_dumps), @r"
    recorded 120.0 s in 1,021 samples to ctwatch.db
    watched through dumps of the table: - is what they do not show
    netns 4026531840: 117,689 inserted, 89,755 ended
                    KERNEL  EXPLAINED  SHARE  REMAINDER
    entries        +27,934    +27,934                 0  nf_conntrack_count agrees
    drop               619          -      -          -  table_full, clash, nat_exhausted not seen
    early_drop      19,075          -      -          -  evicted not seen
    insert_failed       48          -      -          -  clash, nat_exhausted, chain_too_long,
                                                         dying not seen
    chaintoolong         -          -      -          -  chain_too_long not seen
    clash_resolve        0          -      -          -  clash_merged not seen
    lost: 0 inserts that only a dump showed, 0 ends that only a dump showed,
          0 refusals without a packet, 0 entries without a place, 0 unreadable messages
    events: - (this source does not show connections one by one)
    ");
    let document = json(&by_dumps, Path::new("a.db"));
    assert_eq!(document["backend"], "dump");
    let refused = &document["ledger"]["namespaces"][0]["refused"];
    assert_eq!(
        *refused,
        json!({"ctwatch": null, "kernel": 571, "difference": null})
    );
    assert_eq!(document["events"]["kept"], Value::Null);
    assert_eq!(document["ledger"]["losses"]["events_lost"], Value::Null);
}
