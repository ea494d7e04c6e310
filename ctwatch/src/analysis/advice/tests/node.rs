//! Verdicts by what is known of the node.

use super::*;

#[test]
fn without_rulesets_or_addresses_nothing_is_safe() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    scene.rulesets.clear();
    expect(&scene.only(), Verdict::Unproven, &["not-looked-at"]);
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    scene.addresses.clear();
    expect(&scene.only(), Verdict::Unproven, &["not-looked-at"]);
}

#[test]
fn a_damaged_ruleset_is_not_looked_at() {
    let advice = https("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp");
    expect(
        &advice,
        Verdict::Unproven,
        &["not-looked-at", "not-looked-at"],
    );
    let evidence: Vec<_> = advice.reasons.iter().map(|r| r.evidence.as_str()).collect();
    assert!(
        evidence[1].contains("line 3: table filter has no COMMIT"),
        "{evidence:?}"
    );
}

#[test]
fn what_the_recorder_could_not_read_is_no_empty_ruleset() {
    let scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    let cases = [
        ("ruleset: iptables-legacy-save failed: x", Verdict::Unproven),
        ("ruleset: nft took longer than 5 s", Verdict::Unproven),
        ("ruleset: ip6tables-save failed: x", Verdict::Safe),
        ("ruleset: nft is not installed", Verdict::Safe),
    ];
    for (unread, verdict) in cases {
        let mut recording = scene.recording();
        recording.node.unread.push(unread.into());
        let mut given = Given {
            rulesets: recording
                .node
                .rulesets
                .iter()
                .map(ruleset_text::read)
                .collect(),
            ..Given::default()
        };
        assert_eq!(
            advise(&recording, &given).ports[0].verdict,
            verdict,
            "{unread}"
        );
        // A file that the user names is read in its place.
        given.rulesets[0].netns = None;
        let expected = if unread.contains("nft took") {
            Verdict::Unproven
        } else {
            Verdict::Safe
        };
        assert_eq!(
            advise(&recording, &given).ports[0].verdict,
            expected,
            "{unread}"
        );
    }
}

#[test]
fn tables_that_iptables_shows_are_not_judged_twice() {
    let object = |kind: &str, rest: &str| format!(r#"{{"{kind}": {{{rest}}}}}"#);
    let table = |family: &str, name: &str| {
        let names = format!(r#""family": "{family}", "table": "{name}""#);
        let (chain, hook) = match name {
            "raw" => ("PREROUTING", "prerouting"),
            _ => ("INPUT", "input"),
        };
        [
            object(
                "table",
                &format!(r#""family": "{family}", "name": "{name}""#),
            ),
            object(
                "chain",
                &format!(
                    r#"{names}, "name": "{chain}", "type": "filter", "hook": "{hook}", "prio": 0, "policy": "accept""#
                ),
            ),
            object(
                "rule",
                &format!(r#"{names}, "chain": "{chain}", "expr": [{{"xt": null}}]"#),
            ),
        ]
    };
    let advice = |tables: &[[String; 3]], rules: &str| {
        let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], rules);
        let text = format!(r#"{{"nftables": [{}]}}"#, tables.concat().join(","));
        scene.ruleset(RulesetKind::NftJson, &text);
        scene.only()
    };
    let shown = [
        table("ip", "raw"),
        table("ip", "filter"),
        table("ip6", "filter"),
        table("arp", "filter"),
    ];
    let compatible = advice(&shown, DEMO);
    expect(&compatible, Verdict::Safe, &[]);
    assert_eq!(compatible.looked_at.len(), 3);
    for native in [
        table("inet", "filter"),
        table("ip", "nat"),
        table("ip", "mine"),
        table("bridge", "filter"),
    ] {
        let advice = advice(&[table("ip", "raw"), native], DEMO);
        expect(&advice, Verdict::Unproven, &["not-looked-at"]);
    }
    // What iptables-legacy printed says nothing of nft's tables.
    let legacy = DEMO.replace(" (nf_tables)", "");
    assert_eq!(advice(&shown, &legacy).verdict, Verdict::Unproven);
}

#[test]
fn the_operators_way_in_is_never_advised() {
    let advice = under(DEMO, VIP, Protocol::TCP, 22);
    assert_eq!(advice.verdict, Verdict::Blocked);
    assert_eq!(codes(&advice)[0], "control-port");
}

#[test]
fn an_address_that_is_not_the_nodes_blocks() {
    let advice = under(DEMO, "203.0.113.11", Protocol::TCP, 443);
    expect(&advice, Verdict::Blocked, &["not-local-address"]);
}

#[test]
fn addresses_given_stand_for_those_recorded() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    scene.addresses.clear();
    let recording = scene.recording();
    let given = |text: &str| Given {
        rulesets: recording
            .node
            .rulesets
            .iter()
            .map(ruleset_text::read)
            .collect(),
        addresses: Some(vec![text.parse().unwrap()]),
        ..Given::default()
    };
    assert_eq!(
        advise(&recording, &given(VIP)).ports[0].verdict,
        Verdict::Safe
    );
    let other = &advise(&recording, &given("203.0.113.1")).ports[0];
    expect(other, Verdict::Blocked, &["not-local-address"]);
}

#[test]
fn only_inbound_ports_are_candidates() {
    let role = |role, address: Option<&str>| Endpoint {
        role,
        address: address.map(|text| text.parse().unwrap()),
        ..endpoint(VIP, Protocol::TCP, 443)
    };
    let cases = [
        (
            role(Some(Role::Forwarded), None),
            Verdict::Blocked,
            "forwarded",
        ),
        (
            role(Some(Role::Outbound), None),
            Verdict::Blocked,
            "not-local-address",
        ),
        (
            role(Some(Role::Loopback), Some(VIP)),
            Verdict::Unproven,
            "not-looked-at",
        ),
        (role(None, None), Verdict::Unproven, "not-looked-at"),
        (
            Endpoint {
                protocol: Protocol::ICMP,
                port: 0,
                ..role(Some(Role::Inbound), Some(VIP))
            },
            Verdict::Unproven,
            "not-looked-at",
        ),
    ];
    for (endpoint, verdict, code) in cases {
        expect(&Scene::new(&[endpoint], DEMO).only(), verdict, &[code]);
    }
}

#[test]
fn clients_on_the_node_itself_ask_for_two_more_rules() {
    let inbound = endpoint(VIP, Protocol::TCP, 443);
    let loopback = Endpoint {
        role: Some(Role::Loopback),
        ..inbound
    };
    let advice = Scene::new(&[inbound, loopback], DEMO).only();
    expect(&advice, Verdict::Safe, &[]);
    assert_eq!(
        (advice.notrack.len(), advice.frees_entries),
        (4, Some(4_000))
    );
}

#[test]
fn both_directions_of_an_encapsulation_name_the_destination_port() {
    let vxlan = Endpoint {
        role: Some(Role::Encapsulation),
        ..endpoint("192.0.2.10", Protocol::UDP, 4789)
    };
    let rules = filter(
        &[],
        &["-p udp -m udp --sport 4789 -j ACCEPT"],
        ("ACCEPT", "ACCEPT"),
    );
    let advice = Scene::new(&[vxlan], &rules).only();
    expect(&advice, Verdict::Safe, &[]);
    assert!(
        advice
            .notrack
            .iter()
            .all(|rule| rule.direction.port_is_destination())
    );
    let masquerade =
        "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n";
    expect(
        &Scene::new(&[vxlan], masquerade).only(),
        Verdict::Blocked,
        &["masquerade-rule"],
    );
}

#[test]
fn a_port_that_frees_next_to_nothing_is_not_worth_a_rule() {
    let mut scene = Scene::new(
        &[
            endpoint(VIP, Protocol::TCP, 443),
            endpoint(VIP, Protocol::TCP, 80),
        ],
        DEMO,
    );
    scene.endpoints[1].1.entries = 5;
    scene.endpoints[1].2.inserted = 5;
    let advice = scene.advice();
    expect(&advice[0], Verdict::Safe, &[]);
    expect(&advice[1], Verdict::NoBenefit, &[]);
    assert_eq!((advice[0].port, advice[1].port), (443, 80));
}

#[test]
fn entries_drain_with_their_longest_timeout_and_one_collection() {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    assert_eq!(scene.only().drain_seconds, Some(180));
    scene.endpoints[0].1.states.insert("CLOSE_WAIT", 1);
    let mut recording = scene.recording();
    let name = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
    recording.node.sysctls.insert(name.into(), "3600".into());
    assert_eq!(
        advise(&recording, &Given::default()).ports[0].drain_seconds,
        Some(3_660)
    );
}

#[test]
fn services_of_ipvs_are_its_to_forward() {
    let with = |text: &str| {
        let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
        scene.ruleset(RulesetKind::IpVs, text);
        scene.only()
    };
    let blocked = with("-A -t 203.0.113.10:443 -s rr\n");
    expect(&blocked, Verdict::Blocked, &["ipvs-service"]);
    assert_eq!(
        blocked.reasons[0].evidence,
        "IPVS forwards it: tcp 203.0.113.10:443 (rr, 0 backends)"
    );
    let other = with("-A -t 203.0.113.10:80 -s rr\n");
    expect(&other, Verdict::Safe, &[]);
    assert!(other.looked_at.contains(&"1 services of IPVS".to_owned()));
    expect(
        &with("-A -f 7 -s rr\n"),
        Verdict::Unproven,
        &["ipvs-service"],
    );
    expect(&with("nonsense"), Verdict::Unproven, &["not-looked-at"]);
}

#[test]
fn services_of_ipvs_that_nobody_read_may_be_there() {
    let scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], DEMO);
    let mut recording = scene.recording();
    let name = "net.ipv4.vs.conntrack";
    recording.node.sysctls.insert(name.into(), "0".into());
    let given = given(&recording);
    let advice = advise(&recording, &given);
    expect(&advice.ports[0], Verdict::Unproven, &["not-looked-at"]);
}
