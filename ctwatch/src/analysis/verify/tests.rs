use std::{net::IpAddr, time::Duration};

use super::{Look, Outcome, Verification, verify};
use crate::model::{
    endpoint::{Family, Protocol},
    entry::{Entry, Numbered, State, Tuple},
    notrack::{Direction, NotrackRule},
    plan::{Plan, PlanBackend, PlannedPort},
    turned_away::{Rise, TurnedAway},
};

const VIP: [u8; 4] = [203, 0, 113, 10];
const CLIENT: [u8; 4] = [198, 51, 100, 7];

fn plan(protocol: Protocol) -> Plan {
    Plan {
        made: None,
        backend: PlanBackend::Nft,
        netns: None,
        rulesets: None,
        ports: vec![PlannedPort {
            protocol,
            port: 80,
            addresses: vec![VIP.into()],
            directions: vec![Direction::Requests, Direction::Replies],
            accepts: Vec::new(),
            note: String::new(),
        }],
    }
}

fn entry(id: u32, port: u16, timeout: u32) -> Numbered {
    let original = Tuple {
        source: CLIENT.into(),
        destination: VIP.into(),
        source_port: 40_000 + id as u16,
        destination_port: port,
    };
    Numbered {
        id,
        entry: Entry {
            family: Family::Ipv4,
            protocol: Protocol::TCP,
            original,
            reply: original.inverse(),
            state: State::tcp(3),
            status: 0,
            timeout_seconds: Some(timeout),
            mark: 0,
            zone: 0,
            helper: None,
            expected: false,
            labelled: false,
        },
    }
}

fn look(seconds: u64, to: u64, from: u64, entries: Vec<Numbered>) -> Look {
    let rule = |direction| NotrackRule {
        direction,
        address: VIP.into(),
        protocol: Protocol::TCP,
        port: 80,
    };
    Look {
        at: Duration::from_secs(seconds),
        rules: vec![
            (rule(Direction::Requests), Some(to)),
            (rule(Direction::Replies), Some(from)),
        ],
        entries,
        turned_away: TurnedAway::default(),
    }
}

fn local() -> Vec<IpAddr> {
    vec![VIP.into()]
}

fn told(looks: &[Look]) -> (Outcome, Vec<&'static str>) {
    let Verification { ports, .. } = verify(&plan(Protocol::TCP), &local(), looks, None);
    let port = &ports[0];
    (
        port.outcome,
        port.findings.iter().map(|finding| finding.code()).collect(),
    )
}

#[test]
fn packets_both_ways_and_entries_that_run_out_are_the_proof() {
    let looks = [
        look(0, 10, 10, vec![entry(1, 80, 100), entry(2, 80, 3)]),
        look(10, 15, 14, vec![entry(1, 80, 90)]),
    ];
    assert_eq!(told(&looks), (Outcome::Proven, vec![]));
    let verification = verify(&plan(Protocol::TCP), &local(), &looks, None);
    let port = &verification.ports[0];
    assert_eq!(
        (port.entries_before, port.entries_left, port.entries_new),
        (2, 1, 0)
    );
    assert_eq!(
        port.requests.map(|packets| (packets.now, packets.ever)),
        Some((5, 15))
    );
    assert!(verification.holds());
}

#[test]
fn a_new_entry_or_one_that_packets_refresh_is_a_failure() {
    let new = [
        look(0, 0, 0, vec![]),
        look(5, 5, 5, vec![entry(1, 80, 100)]),
        look(10, 9, 9, vec![]),
    ];
    assert_eq!(told(&new), (Outcome::Failed, vec!["new-entries"]));
    let refreshed = [
        look(0, 0, 0, vec![entry(1, 80, 100)]),
        look(10, 9, 9, vec![entry(1, 80, 100)]),
    ];
    assert_eq!(
        told(&refreshed),
        (Outcome::Failed, vec!["entries-refreshed"])
    );
    // Another connection of the same tuple.
    let again = [
        look(0, 0, 0, vec![entry(1, 80, 100)]),
        look(
            10,
            9,
            9,
            vec![Numbered {
                id: 7,
                ..entry(1, 80, 100)
            }],
        ),
    ];
    assert_eq!(told(&again), (Outcome::Failed, vec!["new-entries"]));
}

#[test]
fn entries_of_a_port_whose_digits_go_on_are_not_counted() {
    let looks = [
        look(0, 0, 0, vec![]),
        look(10, 9, 9, vec![entry(1, 8080, 100), entry(2, 801, 100)]),
    ];
    assert_eq!(told(&looks), (Outcome::Proven, vec![]));
}

#[test]
fn one_direction_is_a_failure_where_there_must_be_answers() {
    let looks = [look(0, 4, 4, vec![]), look(10, 9, 4, vec![])];
    assert_eq!(told(&looks), (Outcome::Failed, vec!["one-direction"]));
    let mut udp = looks.clone();
    for look in &mut udp {
        for (rule, _) in &mut look.rules {
            rule.protocol = Protocol::UDP;
        }
    }
    let ports = verify(&plan(Protocol::UDP), &local(), &udp, None).ports;
    assert_eq!(ports[0].outcome, Outcome::Unproven);
}

#[test]
fn no_traffic_proves_nothing_but_earlier_traffic_does() {
    assert_eq!(
        told(&[look(0, 0, 0, vec![]), look(10, 0, 0, vec![])]),
        (Outcome::Unproven, vec!["nothing-seen"])
    );
    assert_eq!(
        told(&[look(0, 3, 3, vec![]), look(10, 3, 3, vec![])]),
        (Outcome::Proven, vec![])
    );
}

#[test]
fn a_rule_that_is_missing_is_named_and_counters_that_are_missing_prove_nothing() {
    let mut looks = [look(0, 0, 0, vec![]), look(10, 9, 9, vec![])];
    looks[1].rules.pop();
    assert_eq!(told(&looks), (Outcome::Failed, vec!["rule-missing"]));
    let mut looks = [look(0, 0, 0, vec![]), look(10, 9, 9, vec![])];
    looks[1].rules[0].1 = None;
    assert_eq!(told(&looks), (Outcome::Unproven, vec!["not-counted"]));
}

#[test]
fn resets_that_rise_beyond_chance_are_a_failure_and_a_few_are_not() {
    let rises = |resets: u64| {
        let mut looks = [look(0, 0, 0, vec![]), look(10, 9, 9, vec![])];
        looks[0].turned_away.resets = Some(100);
        looks[1].turned_away.resets = Some(100 + resets);
        let packets = TurnedAway {
            resets: Some(20),
            filter_drops: None,
        };
        let before = Rise {
            milliseconds: 2_000,
            packets,
        };
        let verification = verify(&plan(Protocol::TCP), &local(), &looks, Some(before));
        assert_eq!(verification.resets.expected, Some(100.0));
        assert_eq!(verification.filter_drops.expected, None);
        (verification.resets.rises(), verification.holds())
    };
    assert_eq!(
        (rises(100), rises(140), rises(200)),
        ((false, true), (false, true), (true, false))
    );
}
