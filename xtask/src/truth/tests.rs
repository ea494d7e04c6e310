#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::{Value, json};

use super::finding::Line;
use super::summary::Summary;
use super::{judge, table};

fn phase(truth: &str, answered: u64, let_in: u64, entries: u64) -> Value {
    json!({"truth": truth, "asked": 8, "answered": answered, "unwelcome": 8, "let_in": let_in,
        "standing": truth != "breaks", "entries": entries})
}

/// A set-up with this verdict whose plain and advised rules had these truths.
fn line(name: &str, verdict: &str, plain: Value, advised: Value) -> Line {
    let truth = plain.get("truth").or(advised.get("truth")).unwrap().clone();
    serde_json::from_value(json!({"name": name, "built": "a thing", "family": "ipv4", "protocol": "tcp",
        "address": "203.0.113.10", "port": 443, "expected": truth, "verdict": verdict, "reasons": ["nat-rule"],
        "evidence": null, "before": {"asked": 8, "answered": 8, "unwelcome": 8, "let_in": 0, "entries": 8},
        "plain": plain, "advised": advised, "truth": truth, "seconds": 1.0}))
    .unwrap()
}

fn safe() -> Value {
    phase("safe", 8, 0, 0)
}

#[test]
fn verdicts_that_are_borne_out_are_no_faults() {
    let lines = [
        line("a", "safe", Value::Null, safe()),
        line("b", "needs-accept", phase("breaks", 0, 0, 0), safe()),
        line("c", "blocked", phase("opens", 8, 3, 0), Value::Null),
        line("d", "unproven", phase("idle", 8, 0, 8), Value::Null),
        line("tproxy", "blocked", safe(), Value::Null),
    ];
    assert_eq!(judge::faults(&lines), [""; 0]);
    let summary = Summary::new("6.12", &lines, &[], 1.0);
    assert_eq!((summary.truly_safe, summary.advised), (2, 1));
    assert_eq!(summary.withheld, ["tproxy"]);
}

#[test]
fn harm_and_withheld_rules_are_faults() {
    let failed = json!({"name": "f", "error": "no ipvsadm"});
    let mut surprising = line("s", "blocked", phase("breaks", 0, 0, 0), Value::Null);
    if let Line::Played(finding) = &mut surprising {
        finding.expected = super::finding::Truth::Idle;
    }
    let lines = [
        line("a", "safe", Value::Null, phase("breaks", 7, 0, 0)),
        line(
            "b",
            "needs-accept",
            phase("breaks", 0, 0, 0),
            phase("opens", 8, 1, 0),
        ),
        line("c", "unproven", safe(), Value::Null),
        serde_json::from_value(failed).unwrap(),
        surprising,
    ];
    let expected = [
        "a: safe, but under its rules: breaks",
        "b: needs-accept, but under its rules: opens",
        "c: safe, but withheld: unproven (nat-rule)",
        "f: could not be played: no ipvsadm",
        "s: breaks, where idle was expected",
    ];
    assert_eq!(judge::faults(&lines), expected);
}

#[test]
fn an_acceptance_that_is_not_needed_is_told() {
    let lines = [line("tproxy", "safe", Value::Null, safe())];
    assert_eq!(judge::idle_acceptances(&lines), ["tproxy"]);
}

#[test]
fn the_table_says_what_the_truth_is_seen_by() {
    let lines = [
        line("a", "needs-accept", phase("breaks", 0, 0, 0), safe()),
        line("b", "blocked", phase("idle", 8, 0, 8), Value::Null),
        line("c", "blocked", phase("breaks", 8, 0, 0), Value::Null),
        line("tproxy", "blocked", safe(), Value::Null),
    ];
    let text = table::markdown(&lines, "6.12.1");
    for row in [
        "| `a` | a thing | needs-accept | nat-rule | breaks: 0 of 8 answered | safe |\n",
        "| idle: 8 entries, 8 before | - |\n",
        "| breaks: a standing connection | - |\n",
        "\n- `tproxy`: the address is not the node's own",
    ] {
        assert!(text.contains(row), "{row}: {text}");
    }
}

#[test]
fn only_what_stands_between_the_marks_is_replaced() {
    let page = format!("head\n{}\nold\n{}\ntail\n", table::BEGIN, table::END);
    let expected = format!("head\n{}\nnew\n{}\ntail\n", table::BEGIN, table::END);
    assert_eq!(table::replaced(&page, "new\n").unwrap(), expected);
    assert!(table::replaced("nothing", "new").is_err());
}

/// A row of the page that says `safe` has done no harm when the table was made.
#[test]
fn the_page_holds_a_table_without_false_promises() {
    let page = include_str!("../../../docs/advice.md");
    let (_, rest) = page.split_once(table::BEGIN).unwrap();
    let (made, _) = rest.split_once(table::END).unwrap();
    let rows: Vec<Vec<&str>> = made
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        let [name, _, verdict, _, plain, advised] = row[..] else {
            panic!("{row:?} has not six columns");
        };
        let vouched = ["safe", "needs-accept"].contains(&verdict);
        assert!(!vouched || advised == "safe", "{name}");
        assert!(
            vouched || plain != "safe" || made.contains(&format!("- {name}: ")),
            "{name}"
        );
    }
}
