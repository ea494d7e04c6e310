//! Verdicts by what stands in rulesets.

use super::*;
use crate::render::rules::iptables::{self, Action};

const OPEN: (&str, &str) = ("ACCEPT", "ACCEPT");
const CLOSED_INPUT: (&str, &str) = ("DROP", "ACCEPT");

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
        assert_eq!(advice.looked_at, ["4 own addresses", "iptables-save"]);
    }
}

#[test]
fn neither_a_longer_port_nor_a_longer_address_is_an_existing_rule() {
    // A NOTRACK of 8080 on the VIP and of 443 on 203.0.113.1 stand in DEMO.
    expect(&under(DEMO, VIP, Protocol::TCP, 80), Verdict::Safe, &[]);
    expect(&https(DEMO), Verdict::Safe, &[]);
}

/// Nobody asked from the node while the recording ran; who does later must not be cut off.
#[test]
fn clients_on_the_node_are_reckoned_with_where_the_filter_would_drop_their_replies() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p icmp -j ACCEPT\n\
        -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p tcp --dport 443 -j ACCEPT\nCOMMIT\n";
    let advice = https(rules);
    expect(&advice, Verdict::NeedsAccept, &["established-only-ruleset"]);
    assert_eq!(advice.notrack.len(), 4);
    let lo = rules.replace(
        "-A INPUT -p icmp",
        "-A INPUT -i lo -j ACCEPT\n-A INPUT -p icmp",
    );
    let advice = https(&lo);
    expect(&advice, Verdict::Safe, &[]);
    assert_eq!(advice.notrack.len(), 2);
    // Rules for requests and replies alone would make INVALID what such a client sends after its first packet.
    let invalid = lo.replace(
        "-A INPUT -i lo",
        "-A OUTPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -i lo",
    );
    let advice = https(&invalid);
    expect(&advice, Verdict::Safe, &[]);
    assert_eq!(advice.notrack.len(), 4);
}

#[test]
fn half_of_the_rules_there_only_the_other_half_is_missing() {
    let advice = under(DEMO, "203.0.113.1", Protocol::TCP, 443);
    expect(&advice, Verdict::Safe, &["existing-rule"]);
    let specs: Vec<_> = advice
        .notrack
        .iter()
        .map(|r| iptables::notrack(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t raw -A OUTPUT -s 203.0.113.1 -p tcp --sport 443 -m comment --comment ctwatch -j NOTRACK"
        ]
    );
}

#[test]
fn all_rules_there_is_done() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A PREROUTING -d 203.0.113.10/32 -p tcp -m tcp --dport 443 -j CT --notrack\n\
        -A OUTPUT -s 203.0.113.10/32 -p tcp -m multiport --sports 80,443 -j NOTRACK\nCOMMIT\n";
    expect(
        &https(rules),
        Verdict::Done,
        &["existing-rule", "existing-rule"],
    );
    expect(
        &under(rules, VIP, Protocol::TCP, 80),
        Verdict::Safe,
        &["existing-rule"],
    );
    let through_chain = rules
        .replace("-j CT --notrack", "-j own")
        .replace("COMMIT", ":own - [0:0]\n-A own -j NOTRACK\nCOMMIT");
    assert_eq!(https(&through_chain).verdict, Verdict::Done);
    let one_interface = rules.replace("-A PREROUTING", "-A PREROUTING -i eth1");
    expect(&https(&one_interface), Verdict::Safe, &["existing-rule"]);
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
fn replies_that_only_established_lets_out_need_an_accept() {
    let rules = filter(
        &["-p tcp -m tcp --dport 443 -j ACCEPT"],
        &[
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-j REJECT",
        ],
        OPEN,
    );
    let advice = https(&rules);
    expect(&advice, Verdict::NeedsAccept, &["established-only-ruleset"]);
    assert!(
        advice.reasons[0]
            .evidence
            .contains("filter OUTPUT: -A OUTPUT -j REJECT drops")
    );
    let specs: Vec<_> = advice
        .accepts
        .iter()
        .map(|r| iptables::accept(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t filter -I OUTPUT 2 -s 203.0.113.10 -p tcp --sport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT"
        ]
    );
}

#[test]
fn requests_accepted_while_new_need_an_accept_and_so_do_path_mtu_errors() {
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-m state --state RELATED,ESTABLISHED -j ACCEPT",
            "-p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    let advice = https(&rules);
    expect(
        &advice,
        Verdict::NeedsAccept,
        &["established-only-ruleset", "invalid-drop"],
    );
    assert!(
        advice.reasons[0].evidence.contains("-P INPUT DROP"),
        "{:?}",
        advice.reasons
    );
    let specs: Vec<_> = advice
        .accepts
        .iter()
        .map(|r| iptables::accept(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t filter -A INPUT -d 203.0.113.10 -p tcp --dport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT",
            "-t filter -A INPUT -d 203.0.113.10 -p icmp --icmp-type fragmentation-needed -m comment --comment ctwatch -j ACCEPT",
        ]
    );
}

#[test]
fn invalid_drop_breaks_path_mtu_unless_icmp_is_accepted_before() {
    let invalid = "-m conntrack --ctstate INVALID -j DROP";
    let related = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
    expect(
        &https(&filter(&[related, invalid], &[], OPEN)),
        Verdict::NeedsAccept,
        &["invalid-drop"],
    );
    for icmp in [
        "-p icmp -j ACCEPT",
        "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT",
        "-p icmp -m icmp --icmp-type 3 -j ACCEPT",
    ] {
        expect(
            &https(&filter(&[icmp, related, invalid], &[], OPEN)),
            Verdict::Safe,
            &[],
        );
    }
    let echo_only = "-p icmp -m icmp --icmp-type 8 -j ACCEPT";
    expect(
        &https(&filter(&[echo_only, related, invalid], &[], OPEN)),
        Verdict::NeedsAccept,
        &["invalid-drop"],
    );
}

#[test]
fn negated_states_match_what_is_untracked() {
    let rules = filter(
        &[],
        &["-o eth0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP"],
        OPEN,
    );
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    let by_name = filter(
        &["! -i lo -m conntrack --ctstate UNTRACKED -j DROP"],
        &[],
        OPEN,
    );
    expect(&https(&by_name), Verdict::NeedsAccept, &["untracked-drop"]);
    let accepted = filter(
        &[
            "-m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-p tcp -m tcp --dport 443 -m state --state NEW -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&accepted), Verdict::Safe, &[]);
}

#[test]
fn kube_firewall_concerns_loopback_only() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:KUBE-FIREWALL - [0:0]\n\
        -A INPUT -j KUBE-FIREWALL\n-A OUTPUT -j KUBE-FIREWALL\n\
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n\
        COMMIT\n";
    expect(&https(rules), Verdict::Safe, &[]);
}

#[test]
fn drops_that_do_not_ask_for_the_state_change_nothing() {
    let rules = filter(
        &[
            "-s 198.51.100.0/24 -j DROP",
            "-i eth1 -j DROP",
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-s 192.0.2.0/24 -i eth+ -p tcp -m tcp --dport 443 -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}

#[test]
fn a_blacklist_behind_established_is_no_reason_either() {
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "-s 198.51.100.0/24 -j DROP",
            "-p tcp --dport 443 -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}

#[test]
fn an_accept_rule_is_no_stand_in_for_a_limit() {
    let limit = "-p tcp -m tcp --dport 443 -m state --state NEW -m limit --limit 25/min -j ACCEPT";
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-m state --state ESTABLISHED -j ACCEPT",
            limit,
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Unproven, &["not-looked-at"]);
    let odd = "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -j DROP";
    let new = "-p tcp -m tcp --dport 443 -m state --state NEW -j ACCEPT";
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-m state --state ESTABLISHED -j ACCEPT",
            odd,
            new,
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
}

#[test]
fn a_filter_by_state_that_would_open_blocks() {
    let rules = filter(
        &["-s 198.51.100.0/24 -m state --state NEW -j DROP"],
        &[],
        OPEN,
    );
    expect(&https(&rules), Verdict::Blocked, &["filter-opens"]);
}

#[test]
fn what_is_not_understood_and_in_the_way_is_never_safe() {
    let cases = [
        ("-m set --match-set bad src,dst -j DROP", "not-looked-at"),
        ("-j NFQUEUE --queue-num 0", "not-looked-at"),
        ("-j SOMEWHERE", "not-looked-at"),
        ("-d 203.0.113.0/255.255.0.255 -j DROP", "not-looked-at"),
        ("-p tcp -m tcp --dport https -j DROP", "not-looked-at"),
    ];
    for (rule, code) in cases {
        let advice = https(&filter(&[rule], &[], OPEN));
        assert_eq!(advice.verdict, Verdict::Unproven, "{rule}");
        assert!(
            codes(&advice).iter().all(|found| *found == code),
            "{rule}: {:?}",
            advice.reasons
        );
        assert!(
            advice.reasons[0].evidence.contains(rule),
            "{:?}",
            advice.reasons
        );
    }
    let connmark =
        "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n";
    assert_eq!(https(connmark).verdict, Verdict::Blocked);
    assert_eq!(codes(&https(connmark))[0], "connmark");
}

#[test]
fn rules_that_need_the_packets_entries_block() {
    let table = |table: &str, chain: &str, rule: &str| {
        format!("*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} {rule}\nCOMMIT\n")
    };
    let cases = [
        (
            "raw",
            "PREROUTING",
            "-p tcp -m tcp --dport 443 -j CT --helper ftp",
            "helper",
        ),
        (
            "raw",
            "PREROUTING",
            "-i eth0 -j CT --zone-orig 7",
            "ct-zone",
        ),
        (
            "mangle",
            "PREROUTING",
            "-j CONNMARK --set-xmark 0x1/0xffffffff",
            "connmark",
        ),
        (
            "mangle",
            "OUTPUT",
            "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
            "connmark",
        ),
        (
            "mangle",
            "PREROUTING",
            "-p tcp -m tcp --dport 443 -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1",
            "tproxy",
        ),
        (
            "filter",
            "INPUT",
            "-p tcp -m tcp --dport 443 -m state --state INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460",
            "synproxy",
        ),
    ];
    for (name, chain, rule, code) in cases {
        let advice = https(&table(name, chain, rule));
        assert_eq!(
            advice.verdict,
            Verdict::Blocked,
            "{rule}: {:#?}",
            advice.reasons
        );
        let names_it = |reason: &super::super::Reason| {
            reason.code.as_str() == code && reason.evidence.contains(rule)
        };
        assert!(
            advice.reasons.iter().any(names_it),
            "{rule}: {:#?}",
            advice.reasons
        );
        // Of another port they are nobody's concern here.
        if rule.contains("--dport 443") {
            let other = under(&table(name, chain, rule), VIP, Protocol::TCP, 80);
            expect(&other, Verdict::Safe, &[]);
        }
    }
}

#[test]
fn what_asks_of_the_entry_never_takes_an_untracked_packet() {
    for (rule, code) in [
        ("-m connmark --mark 0x1 -j DROP", "connmark"),
        ("-m connmark ! --mark 0x1 -j DROP", "connmark"),
        ("-m helper --helper \"ftp\" -j DROP", "helper"),
        ("-m conntrack --ctstatus ASSURED -j DROP", "not-looked-at"),
    ] {
        let advice = https(&filter(&[rule], &[], OPEN));
        assert_eq!(
            advice.verdict,
            Verdict::Unproven,
            "{rule}: {:#?}",
            advice.reasons
        );
        assert_eq!(codes(&advice)[0], code, "{rule}");
    }
    // Requests go the original way, so that nothing of them is lost with the entry.
    let original = "-p tcp -m tcp --dport 443 -m conntrack --ctdir ORIGINAL -j ACCEPT";
    let rules = filter(&["-p icmp -j ACCEPT", original], &[], CLOSED_INPUT);
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    let reply = original.replace("ORIGINAL -j ACCEPT", "REPLY -j DROP");
    expect(&https(&filter(&[&reply], &[], OPEN)), Verdict::Safe, &[]);
}

#[test]
fn a_mark_that_an_earlier_table_sets_is_known_in_a_later_one() {
    let rules = |set: &str| {
        format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-xmark {set}\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n\
             -A INPUT -m mark --mark 0x2/0xff -m conntrack --ctstate NEW -j DROP\nCOMMIT\n"
        )
    };
    expect(&https(&rules("0x1/0xff")), Verdict::Safe, &[]);
    expect(
        &https(&rules("0x2/0xff")),
        Verdict::Blocked,
        &["filter-opens"],
    );
    // Set for some clients only.
    let some = rules("0x2/0xff").replace("-p tcp -m", "-s 198.51.100.0/24 -p tcp -m");
    expect(&https(&some), Verdict::Blocked, &["filter-opens"]);
}

/// The classic limit on how often somebody may connect: untracked, nobody is NEW.
#[test]
fn what_is_not_understood_and_asked_of_new_connections_alone_is_never_safe() {
    for rule in [
        "-p tcp -m tcp --dport 443 -m state --state NEW -m recent --update --seconds 60 --hitcount 20 -j DROP",
        "-p tcp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 10/sec --hashlimit-name web -j DROP",
    ] {
        let advice = https(&filter(&[rule], &[], OPEN));
        expect(&advice, Verdict::Unproven, &["not-looked-at"]);
        assert!(advice.reasons[0].evidence.contains(rule));
    }
}

#[test]
fn what_is_not_understood_but_out_of_the_way_does_no_harm() {
    let rules = filter(
        &[
            "-p udp -m set --match-set bad src -j DROP",
            "-d 192.0.2.7/32 -m string --string x -j DROP",
            "-p tcp -m limit --limit 3/sec -j LOG --log-prefix \"a -j DROP\"",
            "-p tcp --dport 443 -j ACCEPT",
            "-m u32 --u32 0 -j ACCEPT",
        ],
        &[],
        OPEN,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}

#[test]
fn destination_nat_blocks_where_it_covers_the_port() {
    let nat = |rules: &str| {
        format!("*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n{rules}COMMIT\n")
    };
    let range =
        nat("-A PREROUTING -p tcp -m tcp --dport 400:500 -j DNAT --to-destination 10.0.0.1:80\n");
    expect(&https(&range), Verdict::Blocked, &["nat-rule"]);
    let redirect = nat(
        "-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 8443\n",
    );
    expect(&https(&redirect), Verdict::Blocked, &["nat-rule"]);
    let other = nat(
        "-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.1\n\
        -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.1\n",
    );
    expect(&https(&other), Verdict::Safe, &[]);
    // Replies follow their entry and never ask the nat table.
    let leaving = nat("-A POSTROUTING -o eth0 -j MASQUERADE\n");
    expect(&https(&leaving), Verdict::Safe, &[]);
}

#[test]
fn a_node_port_is_blocked_and_a_cluster_address_does_not_matter() {
    let rules = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-SEP-A - [0:0]\n\
        -A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
        -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SEP-A\n\
        -A KUBE-SERVICES -m comment --comment \"node ports\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n\
        -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-SEP-A\n\
        -A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.244.0.7:8080\nCOMMIT\n";
    let advice = under(rules, VIP, Protocol::TCP, 30080);
    expect(&advice, Verdict::Blocked, &["nodeport-service"]);
    assert!(
        advice.reasons[0]
            .evidence
            .contains("DNAT --to-destination 10.244.0.7:8080")
    );
    expect(&https(rules), Verdict::Safe, &[]);
}

#[test]
fn a_clients_masquerade_does_not_concern_clients_on_the_node() {
    let inbound = endpoint(VIP, Protocol::TCP, 443);
    let loopback = Endpoint {
        role: Some(Role::Loopback),
        ..inbound
    };
    let rules = "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
        -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n\
        -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n";
    expect(
        &Scene::new(&[inbound, loopback], rules).only(),
        Verdict::Safe,
        &[],
    );
    expect(
        &under(rules, VIP, Protocol::TCP, 8080),
        Verdict::Blocked,
        &["nat-rule"],
    );
}

#[test]
fn foreign_rules_that_end_the_raw_chain_are_named() {
    let raw = |rule: &str| {
        format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING {rule}\nCOMMIT\n"
        )
    };
    let ends = https(&raw("-i eth0 -j ACCEPT"));
    expect(&ends, Verdict::Blocked, &["foreign-raw-chain"]);
    assert!(
        ends.reasons[0]
            .evidence
            .contains("-A PREROUTING -i eth0 -j ACCEPT")
    );
    expect(&https(&raw("-p udp -j ACCEPT")), Verdict::Safe, &[]);
    let zone = https(&raw("-i eth0 -j CT --zone 3"));
    assert_eq!(
        (zone.verdict, codes(&zone)[0]),
        (Verdict::Blocked, "ct-zone")
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

#[test]
fn a_ruleset_with_too_many_ways_is_not_called_safe() {
    let mut input: Vec<String> = (0..40)
        .map(|n| format!("-s 10.0.{n}.0/24 -j c{n}"))
        .collect();
    input.push("-m state --state INVALID -j DROP".into());
    let input: Vec<&str> = input.iter().map(String::as_str).collect();
    let chains: String = (0..40).map(|n| format!(":c{n} - [0:0]\n")).collect();
    let marks: String = (0..40)
        .map(|n| format!("-A c{n} -j MARK --set-xmark 0x1/0x1\n"))
        .collect();
    let rules = filter(&input, &[], OPEN)
        .replace("*filter\n", &format!("*filter\n{chains}"))
        .replace("COMMIT", &format!("{marks}COMMIT"));
    let advice = https(&rules);
    assert_eq!(advice.verdict, Verdict::Unproven);
    assert!(
        advice.reasons[0].evidence.starts_with("too many ways"),
        "{:?}",
        advice.reasons
    );
}

#[test]
fn a_goto_does_not_come_back() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n\
        -A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -g a\n-A INPUT -j ACCEPT\n-A a -m state --state NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    expect(
        &https(rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    expect(&https(&rules.replace("-g a", "-j a")), Verdict::Safe, &[]);
}

#[test]
fn chains_that_jump_in_a_circle_are_not_followed_for_ever() {
    let loops = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT\n";
    assert_eq!(https(loops).verdict, Verdict::Unproven);
}

/// Conditions and targets that rules are made of; the last condition is not understood.
const CONDITIONS: [&str; 9] = [
    "",
    "-p tcp -m tcp --dport 443",
    "-p udp",
    "-s 198.51.100.0/24",
    "! -i eth0",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m state ! --state NEW",
    "-m state --state INVALID",
    "-m recent --update",
];
const TARGETS: [&str; 8] = [
    "ACCEPT",
    "DROP",
    "RETURN",
    "LOG",
    "a",
    "b",
    "NFQUEUE --queue-num 0",
    "REJECT",
];

proptest::proptest! {
    #[test]
    fn any_ruleset_comes_to_a_verdict_that_its_own_rules_bear_out(
        picks in proptest::collection::vec((0..4usize, 0..CONDITIONS.len(), 0..TARGETS.len()), 0..12),
        drops in proptest::prelude::any::<bool>(),
    ) {
        let chains = ["INPUT", "OUTPUT", "a", "b"];
        let rules: String = picks
            .iter()
            .map(|(chain, condition, target)| {
                format!("-A {} {} -j {}\n", chains[*chain], CONDITIONS[*condition], TARGETS[*target])
            })
            .collect();
        let policy = if drops { "DROP" } else { "ACCEPT" };
        let text = format!("*filter\n:INPUT {policy}\n:OUTPUT {policy}\n:a -\n:b -\n{rules}COMMIT\n");
        let advice = https(&text);
        let rests_on_reasons = !advice.reasons.is_empty();
        proptest::prop_assert_eq!(rests_on_reasons, advice.verdict != Verdict::Safe);
        proptest::prop_assert_eq!(!advice.accepts.is_empty(), advice.verdict == Verdict::NeedsAccept);
    }
}

#[test]
fn a_mark_that_only_the_first_packet_of_a_tracked_connection_has_is_not_counted_on() {
    let rules = |port: u16| {
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport {port} -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n\
             *filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
             -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -m mark --mark 0x7 -j ACCEPT\nCOMMIT\n"
        )
    };
    let advice = https(&rules(443));
    assert_eq!(advice.verdict, Verdict::Unproven, "{:#?}", advice.reasons);
    let asks = |reason: &super::super::Reason| reason.evidence.contains("-m mark --mark 0x7");
    assert!(advice.reasons.iter().any(asks), "{:#?}", advice.reasons);
    assert_ne!(https(&rules(80)).verdict, Verdict::Unproven);
}
