#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::{NftRuleset, read};
use crate::model::{
    endpoint::{Family, Protocol},
    notrack::Direction,
    ruleset::{Condition, Effect, Hook, Match, Need, Policy, Rule, States, Target},
};

/// Printed by nft 1.0.6: everything that `everything.nft` beside it loads.
const EVERYTHING: &str = include_str!("everything.json");

/// Printed by nft 1.0.6.
const OWN: &str = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
{"table": {"family": "ip", "name": "raw", "handle": 1}},
{"chain": {"family": "ip", "table": "raw", "name": "OUTPUT", "handle": 3}},
{"table": {"family": "inet", "name": "ctwatch", "handle": 1}},
{"set": {"family": "inet", "name": "requests_ip", "table": "ctwatch", "type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 1}},
{"set": {"family": "inet", "name": "requests_ip6", "table": "ctwatch", "type": ["ipv6_addr", "inet_proto", "inet_service"], "handle": 4, "elem": [{"concat": ["2001:db8::1", "tcp", 443]}]}},
{"chain": {"family": "inet", "table": "ctwatch", "name": "requests_ip", "handle": 2, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}},
{"chain": {"family": "inet", "table": "ctwatch", "name": "requests_ip6", "handle": 5, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}},
{"rule": {"family": "inet", "table": "ctwatch", "chain": "requests_ip", "handle": 7, "expr": [{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "daddr"}}, {"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}, "right": "@requests_ip"}}, {"notrack": null}]}},
{"rule": {"family": "inet", "table": "ctwatch", "chain": "requests_ip6", "handle": 8, "expr": [{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip6", "field": "daddr"}}, {"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}, "right": "@requests_ip6"}}, {"notrack": null}]}}]}"#;

#[test]
fn tables_are_found_among_other_objects() {
    let tables = read(OWN).unwrap().tables;
    assert_eq!(tables.len(), 1);
    assert_eq!(
        (tables[0].family.as_str(), tables[0].name.as_str()),
        ("ip", "raw")
    );
    assert_eq!(read(""), Ok(NftRuleset::default()));
    assert!(read("table ip raw {").is_err());
    assert!(read("{}").is_err());
}

#[test]
fn the_own_table_tells_its_rules() {
    let own = read(OWN).unwrap().own;
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].direction, own[0].port), (Direction::Requests, 443));
    assert_eq!(own[0].address.to_string(), "2001:db8::1");
}

#[test]
fn a_table_of_that_name_with_anything_else_is_foreign() {
    let changes = [
        (r#""prio": -300"#, r#""prio": 0"#),
        (r#"{"notrack": null}"#, r#"{"drop": null}"#),
        ("\"requests_ip6\"", "\"mine\""),
        (r#""dport""#, r#""sport""#),
        (
            r#"["2001:db8::1", "tcp", 443]"#,
            r#"["2001:db8::1", "tcp"]"#,
        ),
    ];
    for (from, to) in changes {
        let read = read(&OWN.replace(from, to)).unwrap();
        assert_eq!((read.tables.len(), read.own.len()), (2, 0), "{from} → {to}");
    }
}

fn rules(chain: &str) -> Vec<Rule> {
    let ruleset = read(EVERYTHING).unwrap();
    let table = &ruleset.tables[0].rules;
    table.chain(chain).unwrap().rules.clone()
}

#[track_caller]
fn rule(text: &str) -> Rule {
    let rules = rules("input");
    let found = rules.iter().find(|rule| rule.text.starts_with(text));
    found
        .unwrap_or_else(|| panic!("{text} is not among {rules:#?}"))
        .clone()
}

fn is(condition: Condition) -> Match {
    Match::from(condition)
}

fn no(condition: Condition) -> Match {
    Match {
        negated: true,
        condition,
    }
}

#[test]
fn base_chains_have_a_hook_and_a_policy() {
    let ruleset = read(EVERYTHING).unwrap();
    let input = ruleset.tables[0].rules.chain("input").unwrap();
    assert_eq!(
        input.base.map(|base| (base.hook, base.priority)),
        Some((Hook::Input, 0))
    );
    assert_eq!(input.policy, Some(Policy::Drop));
    assert_eq!(ruleset.tables[0].rules.chain("w").unwrap().base, None);
    let post = ruleset.tables[1].rules.chain("post").unwrap();
    assert_eq!(
        post.base.map(|base| (base.nat, base.priority)),
        Some((true, 100))
    );
}

#[test]
fn rules_are_quoted_in_nfts_words() {
    let texts: Vec<String> = rules("input").into_iter().map(|rule| rule.text).collect();
    for expected in [
        "ct state established,related accept # handle 16",
        "ct state vmap { invalid : drop, established : accept, related : accept } (drop) # handle 15",
        "meta l4proto . th dport vmap @svc (goto w) # handle 49",
        "meta mark & 16384 != 16384 return # handle 28",
        "meta iifname lo ip saddr != 127.0.0.0/8 drop # handle 34",
        "tcp dport { 22, 80-90, 443 } accept # handle 43",
        "tcp dport 80 ct count over 10 reject with tcp reset # handle 53",
        "ct original ip daddr 1.2.3.4 accept # handle 59",
    ] {
        assert!(
            texts.iter().any(|text| text == expected),
            "{expected}: {texts:#?}"
        );
    }
}

#[test]
fn conditions_are_understood_with_what_they_imply() {
    let established = States::ESTABLISHED;
    assert_eq!(
        rule("ct state != established drop").matches,
        [no(Condition::State(established))]
    );
    assert_eq!(
        rule("tcp dport != 22").matches,
        [
            is(Condition::Protocol(Protocol::TCP)),
            no(Condition::DestinationPort(vec![22..=22]))
        ]
    );
    assert_eq!(
        rule("meta iifname { eth0, eth1* }").matches,
        [is(Condition::Any(vec![
            vec![is(Condition::InInterface("eth0".into()))],
            vec![is(Condition::InInterface("eth1+".into()))],
        ]))]
    );
    assert_eq!(
        rule("ip saddr @bad").matches[0],
        is(Condition::Family(Family::Ipv4))
    );
    assert_eq!(
        rule("icmp type destination-unreachable icmp code").matches[3],
        is(Condition::IcmpCode(4))
    );
    assert_eq!(
        rule("tcp flags & fin,syn,rst,ack syn").matches[1],
        is(Condition::Syn)
    );
    assert_eq!(
        rule("meta mark & 16384").matches,
        [no(Condition::Mark {
            value: 0x4000,
            mask: 0x4000
        })]
    );
}

#[test]
fn a_verdict_map_is_a_rule_for_each_verdict() {
    let rules = rules("input");
    let ways: Vec<_> = rules
        .iter()
        .filter(|rule| rule.handle == Some(49))
        .map(|rule| rule.target.clone())
        .collect();
    assert_eq!(ways, [Target::Accept, Target::Goto("w".into())]);
    let web = rules
        .iter()
        .find(|rule| rule.text.contains("(goto w)"))
        .unwrap();
    assert_eq!(
        web.matches,
        [is(Condition::Any(vec![vec![
            is(Condition::Protocol(Protocol::TCP)),
            is(Condition::DestinationPort(vec![443..=443]))
        ]]))]
    );
}

#[test]
fn what_rules_do_on_the_way_is_kept() {
    assert_eq!(
        rule("meta mark set meta mark | 16384").effects,
        [Effect::Mark {
            clear: 0x4000,
            flip: 0x4000
        }]
    );
    assert_eq!(rule("ct mark set").effects, [Effect::Needs(Need::Connmark)]);
    assert_eq!(rule("synproxy").effects, [Effect::Needs(Need::Synproxy)]);
    let helper = &rules("fw")[1];
    assert_eq!(helper.effects, [Effect::Needs(Need::Helper)]);
    assert_eq!(rules("fw")[0].effects, [Effect::Notrack]);
}

#[test]
fn what_is_not_understood_stays_unknown() {
    let unknown = |rule: &Rule| {
        rule.matches
            .iter()
            .any(|matched| matches!(matched.condition, Condition::Unknown(_)))
    };
    for text in [
        "ct state != established | related drop",
        "tcp dport 80 limit rate",
        "tcp dport 80 ct count",
        "add @dyn",
    ] {
        assert!(unknown(&rule(text)), "{text}: {:?}", rule(text));
    }
    let xt = EVERYTHING.replace(
        r#"{"synproxy": {"mss": 1460, "wscale": 7}}"#,
        r#"{"xt": null}"#,
    );
    let ruleset = read(&xt).unwrap();
    let rules = &ruleset.tables[0].rules.chain("input").unwrap().rules;
    let rule = rules.iter().find(|rule| rule.handle == Some(60)).unwrap();
    assert!(
        unknown(rule) && matches!(rule.target, Target::Unknown(_)),
        "{rule:?}"
    );
    // A set that rules add to has other members a second later.
    let changing = EVERYTHING.replace(r#""set": "@dyn""#, r#""set": "@bad""#);
    let ruleset = read(&changing).unwrap();
    let rules = &ruleset.tables[0].rules.chain("input").unwrap().rules;
    let rule = rules
        .iter()
        .find(|rule| rule.text.starts_with("ip saddr @bad"))
        .unwrap();
    assert!(unknown(rule), "{rule:?}");
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(at in 0..EVERYTHING.len(), byte in proptest::prelude::any::<u8>()) {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_statement_that_is_lost_for_words_is_unknown(name in "[a-z]{4,9}x") {
        let text = EVERYTHING.replace(r#"{"synproxy": {"mss": 1460, "wscale": 7}}"#, &format!(r#"{{"{name}": {{"a": [1, null]}}}}"#));
        let ruleset = read(&text).unwrap();
        let rules = &ruleset.tables[0].rules.chain("input").unwrap().rules;
        let rule = rules.iter().find(|rule| rule.handle == Some(60)).unwrap();
        proptest::prop_assert!(matches!(rule.target, Target::Unknown(_)));
    }
}
