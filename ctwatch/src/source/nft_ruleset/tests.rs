#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::{NftRuleset, NftTable, read};
use crate::model::notrack::Direction;

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
    let raw = NftTable {
        family: "ip".into(),
        name: "raw".into(),
    };
    assert_eq!(read(OWN).unwrap().tables, [raw]);
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
