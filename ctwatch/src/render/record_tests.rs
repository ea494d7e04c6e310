use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::model::{endpoint::Netns, ledger::Ledger};

fn books(inode: u32) -> NetnsLedger {
    let none = Compared {
        ctwatch: Some(0),
        kernel: Some(0),
    };
    NetnsLedger {
        netns: Netns { cookie: 1, inode },
        inserted: 0,
        ended: 0,
        count_change: Some(0),
        refused: none,
        drop_clashes: Some(0),
        evicted: none,
        insert_failed: none,
        clash_merged: none,
    }
}

fn full(inode: u32) -> NetnsLedger {
    let compared = |ctwatch, kernel| Compared {
        ctwatch: Some(ctwatch),
        kernel,
    };
    NetnsLedger {
        inserted: 117_689,
        ended: 89_755,
        count_change: Some(27_934),
        refused: compared(572, Some(575)),
        evicted: compared(19_075, Some(19_075)),
        insert_failed: compared(1, Some(1)),
        clash_merged: compared(0, None),
        ..books(inode)
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
                   CTWATCH   KERNEL  DIFFERENCE
    entries        +27,934  +27,934           0  nf_conntrack_count agrees
    refused            572      575          +3
    evicted         19,075   19,075           0
    insert_failed        1        1           0
    clash merged         0        -           -
    1 other network namespace in which nothing happened
    lost: 0 probe hits, 0 events without a slot, 0 refusals without a tuple, 0 causes, 0 causes raced,
          0 reads, 0 returns
    ");
}

#[test]
fn a_difference_is_shown_and_so_is_what_this_kernel_does_not_tell() {
    let differs = NetnsLedger {
        count_change: Some(27_929),
        ..full(4_026_531_840)
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
                   CTWATCH   KERNEL  DIFFERENCE
    entries        +27,934  +27,929          -5  read while entries moved, or some were missed
    refused            572      575          +3
    evicted         19,075   19,075           0
    insert_failed        1        1           0
    clash merged         0        -           -
    lost: probe hits unknown (this kernel does not count them; entries above are the check),
          1,234,567 events without a slot, 0 refusals without a tuple, 0 causes, 3 causes raced,
          0 reads, 0 returns
    refused to userspace (ctnetlink), which the kernel's drop leaves out: 7
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
    let evicted = Compared {
        ctwatch: Some(0),
        kernel: Some(1),
    };
    let each = [
        NetnsLedger {
            evicted,
            ..books(1)
        },
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
    assert_eq!(books["refused"], json!({"ctwatch": 572, "kernel": 575}));
    assert_eq!(books["clash_merged"]["kernel"], Value::Null);
    assert_eq!(document["ledger"]["losses"]["probe_misses"], Value::Null);
}

#[test]
fn what_netlink_does_not_show_is_a_dash_and_its_own_losses_are_told() {
    let unseen = |figure: Compared| Compared {
        ctwatch: None,
        ..figure
    };
    let books = full(4_026_531_840);
    let by_netlink = Finished {
        backend: Backend::Netlink,
        ..finished(
            vec![NetnsLedger {
                insert_failed: unseen(books.insert_failed),
                clash_merged: unseen(books.clash_merged),
                drop_clashes: None,
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
                   CTWATCH   KERNEL  DIFFERENCE
    entries        +27,934  +27,934           0  nf_conntrack_count agrees
    refused            572      575          +3
    evicted         19,075   19,075           0
    insert_failed        -        1           -
    clash merged         -        -           -
    lost: 0 netlink events, 0 inserts that only a dump showed, 0 ends that only a dump showed,
          3 refusals without a packet, 0 entries without a place, 0 unreadable messages
    ");
    let by_dumps = Finished {
        backend: Backend::Dump,
        ..finished(
            vec![NetnsLedger {
                refused: unseen(books.refused),
                evicted: unseen(books.evicted),
                ..by_netlink.ledger.namespaces[0]
            }],
            Losses::default(),
        )
    };
    assert_snapshot!(summary_of(&by_dumps), @r"
    recorded 120.0 s in 1,021 samples to ctwatch.db
    watched through dumps of the table: - is what they do not show
    netns 4026531840: 117,689 inserted, 89,755 ended
                   CTWATCH   KERNEL  DIFFERENCE
    entries        +27,934  +27,934           0  nf_conntrack_count agrees
    refused              -      575           -
    evicted              -   19,075           -
    insert_failed        -        1           -
    clash merged         -        -           -
    lost: 0 inserts that only a dump showed, 0 ends that only a dump showed,
          0 refusals without a packet, 0 entries without a place, 0 unreadable messages
    ");
    let document = json(&by_dumps, Path::new("a.db"));
    assert_eq!(document["backend"], "dump");
    let refused = &document["ledger"]["namespaces"][0]["refused"];
    assert_eq!(*refused, json!({"ctwatch": null, "kernel": 575}));
    assert_eq!(document["ledger"]["losses"]["events_lost"], Value::Null);
}
