//! The packet that opens a connection is another than those after it: what a rule says of the one, it need not say of
//! the others.

use super::*;

/// ESTABLISHED is accepted, and what these rules accept; the rest is dropped.
fn closed(rules: &[&str]) -> String {
    let known = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
    let all = [&["-i lo -j ACCEPT", known, "-p icmp -j ACCEPT"], rules].concat();
    filter(&all, &[], CLOSED_INPUT)
}

fn quic(rules: &str) -> PortAdvice {
    under(rules, VIP, Protocol::UDP, 443)
}

#[test]
fn a_rule_that_the_first_packet_alone_meets_is_no_way_in_for_the_others() {
    for (rule, protocol) in [
        (
            "-p tcp -m tcp --dport 443 -m tcpmss --mss 500:65535",
            Protocol::TCP,
        ),
        (
            "-p tcp -m tcp --dport 443 -m length --length 0:60",
            Protocol::TCP,
        ),
        (
            "-p tcp -m tcp --dport 443 --tcp-flags SYN,ACK SYN",
            Protocol::TCP,
        ),
        // The first packet of QUIC is padded.
        (
            "-p udp -m udp --dport 443 -m length --length 1228:65535",
            Protocol::UDP,
        ),
    ] {
        let rules = closed(&[&format!("{rule} -j ACCEPT")]);
        let advice = under(&rules, VIP, protocol, 443);
        // An accept rule would let in what has never been.
        let codes = ["established-only-ruleset", "filter-opens"];
        expect(&advice, Verdict::Blocked, &codes);
    }
}

#[test]
fn a_rule_about_the_clients_way_holds_for_all_of_its_packets() {
    for rule in [
        "-p tcp -m tcp --dport 443 -m mac --mac-source 00:00:00:00:00:01 -j ACCEPT",
        "-p tcp -m tcp --dport 443 -m set --match-set good src -j ACCEPT",
    ] {
        expect(&https(&closed(&[rule])), Verdict::Safe, &[]);
    }
}

#[test]
fn segments_with_flags_that_belong_to_nobody_may_be_dropped() {
    let bogus = [
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
        "-p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP",
    ];
    expect(&https(&filter(&bogus, &[], OPEN)), Verdict::Safe, &[]);
}

#[test]
fn what_is_done_to_known_connections_of_udp_is_met() {
    let limit = "-p udp -m udp --dport 443 -m conntrack --ctstate ESTABLISHED -m hashlimit --hashlimit-above 100/sec \
                 --hashlimit-name q -j DROP";
    let rules = filter(&[limit], &[], OPEN);
    expect(&quic(&rules), Verdict::Unproven, &["not-looked-at"]);
    let restored = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m conntrack --ctstate ESTABLISHED -j CONNMARK \
                    --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\nCOMMIT\n";
    expect(&quic(restored), Verdict::Blocked, &["connmark"]);
}

/// Between the rules that make packets untracked and tracking itself they are UNTRACKED.
#[test]
fn chains_between_notrack_and_tracking_see_untracked_packets() {
    let chain = |priority: i32| {
        format!(
            r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}},
            {{"table": {{"family": "inet", "name": "early", "handle": 1}}}},
            {{"chain": {{"family": "inet", "table": "early", "name": "in", "handle": 1, "type": "filter", "hook": "prerouting",
            "prio": {priority}, "policy": "accept"}}}},
            {{"rule": {{"family": "inet", "table": "early", "chain": "in", "handle": 2, "expr": [
            {{"match": {{"op": "==", "left": {{"meta": {{"key": "iifname"}}}}, "right": "eth0"}}}},
            {{"match": {{"op": "in", "left": {{"ct": {{"key": "state"}}}}, "right": "untracked"}}}}, {{"drop": null}}]}}}}]}}"#
        )
    };
    let verdict = |priority| nft(&chain(priority)).verdict;
    assert_eq!(verdict(-310), Verdict::Safe, "not untracked yet");
    assert_ne!(
        verdict(-300),
        Verdict::Safe,
        "whichever was registered first"
    );
    assert_ne!(verdict(-250), Verdict::Safe);
    assert_ne!(verdict(-150), Verdict::Safe);
}

/// A node without rules of iptables'.
fn nft(text: &str) -> PortAdvice {
    let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], "");
    scene.ruleset(RulesetKind::NftJson, text);
    scene.only()
}
