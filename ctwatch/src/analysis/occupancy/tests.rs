#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::*;
use crate::model::{
    counters::Ended,
    dump::{DumpKind, EndpointDump},
    endpoint::{Family, Protocol},
    node::Node,
    recording::{Backend, Header},
    sample::{Losses, Sample},
    unobserved::Unobserved,
};

const NETNS: Netns = Netns {
    cookie: 1,
    inode: 1,
};

fn endpoint() -> Endpoint {
    Endpoint {
        netns: NETNS,
        family: Family::Ipv4,
        protocol: Protocol::TCP,
        role: None,
        port: 443,
        address: None,
    }
}

/// Counters of entries that were inserted and ended at these milliseconds.
fn events(inserted: &[i64], ended: &[i64]) -> Counters {
    Counters {
        inserted: inserted.len() as u64,
        ended: Ended {
            expired: ended.len() as u64,
            ..Ended::default()
        },
        age_ms: ended.iter().sum::<i64>() - inserted.iter().sum::<i64>(),
        ..Counters::default()
    }
}

fn recording(samples: Vec<(u64, Counters)>, dumps: Vec<(i64, u64)>) -> Recording {
    let sample = |(elapsed_ms, counters): (u64, Counters)| Sample {
        at_ms: elapsed_ms.cast_signed(),
        elapsed_ms,
        deltas: vec![(endpoint(), counters)],
        unattributed: Counters::default(),
        evictions: Vec::new(),
        tables: Vec::new(),
        losses: Losses::default(),
    };
    let dump = |(at_ms, entries)| Dump {
        netns: NETNS,
        at_ms,
        took_ms: 0,
        kind: DumpKind::Periodic,
        entries,
        endpoints: BTreeMap::from([(
            endpoint(),
            EndpointDump {
                entries,
                ..EndpointDump::default()
            },
        )]),
        clients: Vec::new(),
        distinct_clients: 0,
        left: Vec::new(),
        translated: Vec::new(),
    };
    Recording {
        header: Header {
            version: String::new(),
            started_ms: 0,
            interval_ms: 1_000,
            backend: Backend::Kprobe,
            degraded: Vec::new(),
            unobserved: Unobserved::default(),
        },
        node: Node {
            hz: Some(250),
            ..Node::default()
        },
        samples: samples.into_iter().map(sample).collect(),
        dumps: dumps.into_iter().map(dump).collect(),
        lifetimes: std::collections::BTreeMap::new(),
        events: Vec::new(),
        gaps: Vec::new(),
        ended_ms: None,
        ledger: None,
    }
}

fn only(recording: &Recording) -> Occupancy {
    *occupancy(recording).get(&endpoint()).unwrap()
}

#[test]
fn entries_that_came_and_went_have_the_lifetime_they_had() {
    // Two entries of 2 s and 4 s within ten seconds.
    let counters = events(&[1_000, 3_000], &[3_000, 7_000]);
    let seen = only(&recording(vec![(10_000, counters)], vec![(0, 0)]));
    assert_eq!(seen.entries, Some(0));
    assert_eq!(seen.entry_seconds, Some(6.0));
    assert_eq!(seen.mean_lifetime_seconds, Some(3.0));
}

#[test]
fn entries_there_before_and_after_count_for_the_time_within_the_window() {
    // Three at the start, of which one ends at 4 s (4 s); one comes at 6 s and stays (4 s); two stay (20 s).
    let counters = events(&[6_000], &[4_000]);
    let seen = only(&recording(vec![(10_000, counters)], vec![(0, 3)]));
    assert_eq!(seen.entries, Some(3));
    assert_eq!(seen.entry_seconds, Some(28.0));
    assert_eq!(seen.mean_lifetime_seconds, Some(28.0));
}

#[test]
fn a_late_first_dump_is_counted_back_to_the_start() {
    // The dump at 2.1 s sees five: the three of the start and two that came before the second sample.
    let samples = vec![
        (1_000, events(&[500], &[])),
        (2_000, events(&[1_500], &[])),
        (3_000, events(&[2_500], &[2_600])),
    ];
    let seen = only(&recording(samples, vec![(2_100, 5)]));
    assert_eq!(seen.entries, Some(5));
    // 3 × 3 s − 0.4 s of the one that ended (one of the old ones, say) + 2.5 s + 1.5 s + 0.5 s
    let expected = 9.0 - 0.4 + 4.5;
    assert!((seen.entry_seconds.unwrap() - expected).abs() < 1e-9);
}

#[test]
fn a_table_in_balance_obeys_littles_law() {
    // A hundred entries, ten come and ten go each second: each stays ten seconds.
    let samples = (1..=60_i64)
        .map(|second| {
            let middle = [second * 1_000 - 500; 10];
            (second.cast_unsigned() * 1_000, events(&middle, &middle))
        })
        .collect();
    let seen = only(&recording(samples, vec![(10, 100)]));
    assert_eq!(seen.mean_lifetime_seconds, Some(10.0));
}

#[test]
fn without_a_dump_or_a_tick_rate_nothing_is_guessed() {
    let counters = events(&[1_000], &[2_000]);
    let no_dump = only(&recording(vec![(10_000, counters)], Vec::new()));
    assert_eq!(
        (no_dump.entries, no_dump.mean_lifetime_seconds),
        (None, None)
    );
    let mut no_hz = recording(vec![(10_000, counters)], vec![(0, 3)]);
    no_hz.node.hz = None;
    let seen = only(&no_hz);
    assert_eq!((seen.entries, seen.mean_lifetime_seconds), (Some(3), None));
    assert_eq!(mean_lifetime(Some(5.0), 0), None);
}

#[test]
fn lost_events_do_not_make_negative_entries() {
    let counters = events(&[], &[1_000, 2_000]);
    let seen = only(&recording(vec![(10_000, counters)], vec![(0, 1)]));
    assert_eq!((seen.entries, seen.entry_seconds), (Some(0), None));
}

#[test]
fn events_are_held_against_a_later_dump() {
    let samples = vec![
        (1_000, events(&[500; 7], &[600; 2])),
        (2_000, events(&[1_500; 3], &[])),
    ];
    let two = recording(samples.clone(), vec![(20, 10), (1_020, 14)]);
    let check = cross_check(&two, NETNS).unwrap();
    assert_eq!((check.by_events, check.by_dump), (15, 14));
    assert_eq!(
        cross_check(&recording(samples, vec![(20, 10)]), NETNS),
        None
    );
}
