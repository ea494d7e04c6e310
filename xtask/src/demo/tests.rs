#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::{Value, json};

use super::facts::Facts;
use super::summary::{Seconds, Summary};
use super::{checks, table};

const NETNS: u64 = 4_026_531_840;

fn kernel(count: u64, drop: u64, early_drop: u64, insert_failed: u64) -> Value {
    json!({"count": count, "drop": drop, "early_drop": early_drop, "insert_failed": insert_failed,
        "chaintoolong": 0, "tools_drop": drop, "tools_early_drop": early_drop})
}

fn report(inserted: u64, ended: u64, refused: u64, evicted: u64, clashes: u64) -> Value {
    let idle = json!({"netns": 1, "inserted": 0, "ended": 0, "count_change": 0, "refused": {"ctwatch": 0},
        "evicted": {"ctwatch": 0}, "insert_failed": {"ctwatch": 0}, "drop_clashes": 0});
    json!({"source": {"backend": "kprobe"},
        "ports": [{"protocol": "tcp", "port": 443, "inserted": inserted}, {"protocol": "udp", "port": 443, "inserted": 1}],
        "ledger": {"losses": {"probe_misses": null}, "namespaces": [idle, {"netns": NETNS, "inserted": inserted,
            "ended": ended, "count_change": inserted as i64 - ended as i64, "refused": {"ctwatch": refused},
            "evicted": {"ctwatch": evicted}, "insert_failed": {"ctwatch": clashes}, "drop_clashes": clashes}]}})
}

/// A demonstration in which all is as it should be: a clash among the drops, garbage collection after the load.
fn facts() -> Value {
    json!({
        "before": {"max": 200, "first": kernel(5, 2, 1, 0), "last": kernel(170, 53, 4, 1),
            "load": {"peak": 200, "served": 220, "http_errors": 9, "answered": 10, "dns_errors": 30, "count": 185},
            "report": report(260, 80, 50, 3, 1)},
        "after": {"max": 200, "first": kernel(3, 53, 4, 1), "last": kernel(3, 53, 4, 1),
            "load": {"peak": 4, "served": 900, "http_errors": 0, "answered": 44, "dns_errors": 0, "count": 3},
            "report": report(0, 0, 0, 0, 0)},
        "node": {"netns": NETNS, "advised": [{"protocol": "tcp", "port": 443}], "entries_left": 0,
            "foreign_rule_survived": true}
    })
}

fn judged(facts: Value) -> (Facts, Summary) {
    let facts: Facts = serde_json::from_value(facts).unwrap();
    let seconds = Seconds {
        build: 1.0,
        run: 2.0,
    };
    let summary = Summary::new(&facts, "6.1".to_owned(), seconds);
    (facts, summary)
}

#[test]
fn the_summary_holds_the_kernels_figures_beside_ctwatchs() {
    let (_, summary) = judged(facts());
    let summary = serde_json::to_value(summary).unwrap();
    assert_eq!(
        summary,
        json!({"kernel": "6.1", "backend": "kprobe", "inserted": 260, "ended": 80, "count_change": 180,
            "refused": {"ctwatch": 50, "kernel": 50}, "evicted": {"ctwatch": 3, "kernel": 3},
            "insert_failed": {"ctwatch": 1, "kernel": 1}, "probe_misses": null,
            "before": {"fill": 1.0, "refused": 50, "evicted": 3, "http_errors": 9, "dns_errors": 30},
            "after": {"fill": 0.02, "refused": 0, "evicted": 0, "http_errors": 0, "dns_errors": 0,
                "new_entries_on_advised_ports": 0},
            "advised_ports": [443], "foreign_rule_survived": true, "seconds": {"build": 1.0, "run": 2.0}})
    );
}

#[test]
fn nothing_is_broken_when_all_is_as_claimed() {
    let (facts, summary) = judged(facts());
    assert_eq!(checks::broken(&facts, &summary), [""; 0]);
    let mut shown = Vec::new();
    table::print(&facts, &summary, &mut shown).unwrap();
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        shown.contains("lookups failed                          30       0"),
        "{shown}"
    );
}

#[test]
fn what_does_not_hold_is_named() {
    for (place, value, claim) in [
        (
            "/before/load/dns_errors",
            json!(0),
            "before: there are failed lookups",
        ),
        (
            "/before/load/peak",
            json!(199),
            "before: the table was full (0.99)",
        ),
        (
            "/after/load/http_errors",
            json!(2),
            "after: no failed requests (2)",
        ),
        (
            "/after/load/served",
            json!(220),
            "after: more requests were served than before",
        ),
        (
            "/node/entries_left",
            json!(1),
            "after: no new entries on the advised ports (1)",
        ),
        (
            "/node/foreign_rule_survived",
            json!(false),
            "the foreign rule in raw is still there",
        ),
        ("/node/advised", json!([]), "ctwatch advise printed rules"),
        (
            "/before/last/early_drop",
            json!(5),
            "before: evicted = early_drop (3, 4)",
        ),
        (
            "/before/last/drop",
            json!(54),
            "before: refused + dropped clashes = drop (51, 52)",
        ),
        (
            "/before/load/count",
            json!(184),
            "before: inserted − ended = change of nf_conntrack_count (180, 179)",
        ),
    ] {
        let mut facts = facts();
        *facts.pointer_mut(place).unwrap() = value;
        let (facts, summary) = judged(facts);
        let broken = checks::broken(&facts, &summary);
        assert!(
            broken.iter().any(|text| text == claim),
            "{place}: {broken:?}"
        );
    }
}
