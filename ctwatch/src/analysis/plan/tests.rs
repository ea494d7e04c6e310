use super::{Found, Problem, problems};
use crate::model::{
    endpoint::Protocol,
    notrack::Direction,
    plan::{Plan, PlanBackend, PlannedPort},
};

fn port(port: u16, address: [u8; 4]) -> PlannedPort {
    PlannedPort {
        protocol: Protocol::TCP,
        port,
        addresses: vec![address.into()],
        directions: vec![Direction::Requests, Direction::Replies],
        accepts: Vec::new(),
        note: String::new(),
    }
}

fn plan(ports: Vec<PlannedPort>) -> Plan {
    let rulesets = [("iptables raw".to_owned(), "aa".to_owned())];
    Plan {
        made: None,
        backend: PlanBackend::Nft,
        netns: Some(7),
        rulesets: Some(rulesets.into()),
        ports,
    }
}

fn found() -> Found {
    Found {
        netns: 7,
        addresses: vec![[203, 0, 113, 10].into()],
        control_ports: vec![22],
        rulesets: [("iptables raw".to_owned(), "aa".to_owned())].into(),
    }
}

const VIP: [u8; 4] = [203, 0, 113, 10];

#[test]
fn a_node_that_is_as_it_was_has_no_problems() {
    assert_eq!(problems(&plan(vec![port(443, VIP)]), &found(), false), []);
}

#[test]
fn the_way_in_needs_a_flag_and_ports_that_only_look_like_it_do_not() {
    let ssh = plan(vec![port(22, VIP), port(2222, VIP), port(222, VIP)]);
    assert_eq!(problems(&ssh, &found(), false), [Problem::ControlPort(22)]);
    assert_eq!(problems(&ssh, &found(), true), []);
}

#[test]
fn an_address_that_only_begins_like_an_own_one_is_not_local() {
    let plan = plan(vec![
        port(443, [203, 0, 113, 1]),
        port(80, [203, 0, 113, 10]),
    ]);
    let expected = [Problem::NotLocal([203, 0, 113, 1].into())];
    assert_eq!(problems(&plan, &found(), false), expected);
}

#[test]
fn every_table_that_changed_came_or_went_is_named() {
    let now = |tables: &[(&str, &str)]| Found {
        rulesets: tables
            .iter()
            .map(|(table, digest)| ((*table).to_owned(), (*digest).to_owned()))
            .collect(),
        ..found()
    };
    let told = |found: &Found| -> Vec<String> {
        let problems = problems(&plan(vec![port(443, VIP)]), found, false);
        problems.iter().map(ToString::to_string).collect()
    };
    assert!(told(&now(&[("iptables raw", "bb")]))[0].contains("iptables raw changed since"));
    let other = told(&now(&[("nft inet fw", "cc")]));
    assert!(
        other[0].contains("iptables raw is gone") && other[1].contains("nft inet fw is new"),
        "{other:?}"
    );
    let unchecked = Plan {
        rulesets: None,
        netns: None,
        ..plan(vec![port(443, VIP)])
    };
    assert_eq!(
        problems(
            &unchecked,
            &Found {
                netns: 8,
                ..now(&[])
            },
            false
        ),
        []
    );
}

#[test]
fn another_namespace_and_nothing_planned_are_told() {
    let elsewhere = Found {
        netns: 8,
        ..found()
    };
    let expected = [
        Problem::Empty,
        Problem::OtherNetns {
            planned: 7,
            here: 8,
        },
    ];
    assert_eq!(problems(&plan(Vec::new()), &elsewhere, false), expected);
}
