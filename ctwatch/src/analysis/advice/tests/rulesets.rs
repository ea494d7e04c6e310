//! Several rulesets, addresses and families at once.

use super::*;
use crate::render::rules::iptables::{self, Action};

#[test]
fn the_demonstrations_ports_are_safe() {
    let ports = [
        (Protocol::TCP, 80),
        (Protocol::TCP, 443),
        (Protocol::UDP, 53),
    ];
    for (protocol, port) in ports {
        let advice = under(DEMO, VIP, protocol, port);
        expect(&advice, Verdict::Safe, &[]);
        assert_eq!(advice.notrack.len(), 2);
        assert_eq!(
            advice.looked_at,
            ["4 own addresses", "iptables-save (raw, filter)"]
        );
    }
}

#[test]
fn several_addresses_on_a_port_part_by_verdict() {
    let endpoints = [VIP, "203.0.113.1", "192.0.2.10"].map(|a| endpoint(a, Protocol::TCP, 443));
    let advice = Scene::new(&endpoints, DEMO).advice();
    let mut parts: Vec<(Verdict, Vec<String>, Option<u64>)> = advice
        .iter()
        .map(|a| {
            (
                a.verdict,
                a.addresses.iter().map(ToString::to_string).collect(),
                a.figures.entries,
            )
        })
        .collect();
    parts.sort();
    assert_eq!(
        parts,
        [
            (
                Verdict::Safe,
                vec!["192.0.2.10".into(), VIP.into()],
                Some(4_000)
            ),
            (Verdict::Safe, vec!["203.0.113.1".into()], Some(2_000)),
        ]
    );
}

#[test]
fn legacy_rules_are_walked_beside_those_of_nft() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    let drop = filter(
        &["! -i lo -m conntrack --ctstate UNTRACKED -j DROP"],
        &[],
        OPEN,
    );
    scene.ruleset(RulesetKind::IptablesLegacySave, &drop);
    // `iptables` edits the other one.
    expect(&scene.only(), Verdict::Blocked, &["untracked-drop"]);
}

/// `iptables-save` prints a table of nftables' own that has the name of one of its own as if it were empty.
#[test]
fn a_table_of_nft_that_is_named_like_one_of_iptables_is_walked() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    scene.rulesets[0]
        .1
        .push_str("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n");
    let chain = |name: &str| {
        format!(
            r#"{{"nftables": [{{"table": {{"family": "ip", "name": "nat"}}}},
            {{"chain": {{"family": "ip", "table": "nat", "name": "{name}", "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}}}},
            {{"rule": {{"family": "ip", "table": "nat", "chain": "{name}", "handle": 2, "expr": [
                {{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": 443}}}},
                {{"dnat": {{"addr": "10.0.0.7", "port": 8443}}}}]}}}}]}}"#
        )
    };
    scene.ruleset(RulesetKind::NftJson, &chain("pre"));
    expect(&scene.only(), Verdict::Blocked, &["nat-rule"]);
    // What iptables shows is not walked twice.
    scene.rulesets.pop();
    scene.ruleset(RulesetKind::NftJson, &chain("PREROUTING"));
    expect(&scene.only(), Verdict::Safe, &[]);
}

#[test]
fn ipv6_is_judged_by_its_own_rulesets() {
    let six = endpoint("2001:db8::10", Protocol::TCP, 443);
    let mut scene = Scene::new(&[six], DEMO);
    expect(&scene.only(), Verdict::Unproven, &["not-looked-at"]);
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-p tcp -m tcp --dport 443 -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    scene.ruleset(RulesetKind::Ip6tablesSave, &rules);
    let advice = scene.only();
    expect(&advice, Verdict::NeedsAccept, &["invalid-drop"]);
    let spec = iptables::accept(&advice.accepts[0], Action::Add);
    assert!(
        spec.contains("-p ipv6-icmp --icmpv6-type packet-too-big"),
        "{spec}"
    );
}
