#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::collections::BTreeMap;

use super::figures::Figures;
use super::rounds::{Boot, FullRounds, Rounds};

/// A flow's beginning takes `flow` in each of the rounds, its end 1,000.
fn rounds(condition: &str, flow: &[f64]) -> Rounds {
    let none = flow.is_empty();
    let constant = |value: f64| {
        if none {
            Vec::new()
        } else {
            vec![value; flow.len()]
        }
    };
    Rounds {
        condition: condition.into(),
        absent: none.then(|| "no BTF".into()),
        udp_flow: flow.to_vec(),
        packet: constant(8_000.0),
        ended_entry: constant(1_000.0),
        udp_flow_and_end: flow.iter().map(|flow| flow + 1_000.0).collect(),
        tcp_connection: constant(100_000.0),
        programs: BTreeMap::new(),
        reader: None,
    }
}

fn boot(conditions: Vec<Rounds>) -> Boot {
    Boot {
        conditions,
        full: Vec::new(),
    }
}

fn figures(boots: Vec<Vec<Rounds>>) -> Figures {
    let boots: Vec<Boot> = boots.into_iter().map(boot).collect();
    Figures::of(&boots, "6.1".into()).unwrap()
}

#[test]
fn what_counts_is_a_flow_that_begins_and_ends_beside_the_cheaper_control() {
    let with = |flow: f64| {
        figures(vec![vec![
            rounds("tracked", &[9_010.0]),
            rounds("ctwatch, kprobe", &[flow]),
            rounds("tracked again", &[9_000.0]),
        ]])
    };
    assert!(with(11_000.0).holds());
    let dear = with(11_001.0);
    assert!(!dear.holds());
    let limit = dear.limits.iter().find(|limit| limit.holds == Some(false));
    assert_eq!(limit.unwrap().condition, "ctwatch, kprobe");
    assert!(dear.to_string().contains("DOES NOT HOLD"));
}

#[test]
fn fentry_has_the_lower_limit() {
    let with = |flow: f64| {
        figures(vec![vec![
            rounds("tracked", &[9_000.0]),
            rounds("ctwatch, fentry", &[flow]),
        ]])
    };
    assert!(with(10_000.0).holds());
    assert!(!with(10_001.0).holds());
}

#[test]
fn a_source_that_is_not_there_is_shown_with_the_reason_and_breaks_no_limit() {
    let figures = figures(vec![vec![
        rounds("tracked", &[9_000.0]),
        rounds("ctwatch, fentry", &[]),
    ]]);
    assert!(figures.holds());
    assert!(figures.to_string().contains("- (no BTF)"));
    let json = serde_json::to_value(&figures).unwrap();
    let fentry = &json["conditions"][1];
    assert_eq!(fentry["absent"], "no BTF");
    assert!(fentry["udp_flow"].is_null() && fentry["times_tracked"]["packet"].is_null());
    let judged = |name: &str| {
        let limits = json["limits"].as_array().unwrap().iter();
        limits
            .filter(|limit| limit["condition"] == name)
            .all(|limit| limit["holds"].is_null())
    };
    assert!(judged("ctwatch, fentry") && !judged("tracked"));
}

#[test]
fn boots_that_differ_by_more_than_they_may_hold_nothing() {
    let with = |second: f64| {
        let boot = |flow| vec![rounds("tracked", &[flow, 12_000.0])];
        figures(vec![boot(9_000.0), boot(second)])
    };
    assert!(with(9_019.0).holds());
    assert!(!with(9_021.0).holds());
}

#[test]
fn a_full_table_is_compared_with_one_that_nobody_watches() {
    let rounds = |condition: &str, refused: f64| FullRounds {
        condition: condition.into(),
        absent: None,
        refused: vec![refused, refused * 2.0],
        evicting: vec![10_000.0],
        evicted: vec![1.0],
        reader_refused: Vec::new(),
        reader_evicting: Vec::new(),
    };
    let full = vec![
        rounds("tracked", 6_000.0),
        rounds("ctwatch, kprobe", 7_500.0),
    ];
    let boot = Boot {
        conditions: Vec::new(),
        full,
    };
    let figures = Figures::of(&[boot], "6.1".into()).unwrap();
    let watched = &figures.full[1];
    assert_eq!(watched.refused_times_tracked, Some(1.25));
    assert_eq!(watched.evicting_times_tracked, Some(1.0));
    assert!(watched.reader_refused.is_none());
}
