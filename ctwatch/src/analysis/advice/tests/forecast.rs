//! What is left once the safe ports are no longer tracked.

use super::*;
use crate::{
    analysis::advice::Advice,
    model::{
        recording::Recording,
        remedy::{RemedyKind, UntilFull},
        table::Table,
    },
};

/// A table of 10,000 that grows by 100 entries a second for 60 s, of which `by_443` are the safe port's.
fn growing(by_443: u64) -> Advice {
    let ports = [443, 8443].map(|port| endpoint(VIP, Protocol::TCP, port));
    let mut scene = Scene::new(&ports, DEMO);
    // 8443 is no own address's: it stays tracked.
    scene.endpoints[1].0.role = Some(Role::Forwarded);
    scene.endpoints[1].0.address = None;
    let mut recording = scene.recording();
    grow(&mut recording, by_443);
    let given = given(&recording);
    advise(&recording, &given)
}

fn grow(recording: &mut Recording, by_443: u64) {
    let first = recording.samples.remove(0);
    let endpoints: Vec<Endpoint> = first.deltas.iter().map(|(endpoint, _)| *endpoint).collect();
    for second in 0..=60_u64 {
        let mut sample = first.clone();
        (sample.at_ms, sample.elapsed_ms) = (second.cast_signed() * 1_000, second * 1_000);
        let inserted = if second == 0 {
            [0, 0]
        } else {
            [by_443, 100 - by_443]
        };
        let counters = inserted.map(|inserted| Counters {
            inserted,
            ..Counters::default()
        });
        sample.deltas = endpoints.iter().copied().zip(counters).collect();
        sample.tables = vec![Table {
            netns: NETNS,
            count: Some(2_000 + second * 100),
            max: Some(10_000),
            buckets: Some(10_000),
            stats: None,
        }];
        recording.samples.push(sample);
    }
}

#[test]
fn a_table_whose_growth_is_a_safe_ports_does_not_fill_without_it() {
    let advice = growing(100);
    assert_eq!(advice.tables[0].seconds_until_full, Some(20));
    assert_eq!(advice.ports[0].verdict, Verdict::Safe);
    assert_eq!(advice.fill_after, Some(0.1));
    assert_eq!(advice.until_full_after, UntilFull::Never);
}

#[test]
fn growth_that_stays_fills_what_was_freed_later() {
    let advice = growing(60);
    // 8,000 entries less 4,600 leave 6,600, at 40 a second.
    assert_eq!(advice.fill_after, Some(0.34));
    assert_eq!(advice.until_full_after, UntilFull::Seconds(165));
    let notrack = &advice.remedies[0];
    assert_eq!(notrack.kind, RemedyKind::Notrack);
    assert_eq!(notrack.title, "NOTRACK for tcp 443 at 203.0.113.10");
    assert_eq!(
        (notrack.frees_entries, notrack.fill_after),
        (Some(4_600), Some(0.34))
    );
    assert_eq!(notrack.until_full_after, UntilFull::Seconds(165));
}
