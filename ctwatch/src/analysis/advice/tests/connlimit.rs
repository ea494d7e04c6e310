//! Limits on how many connections there are at once: what is not tracked is not counted.

use super::*;

#[test]
fn a_limit_on_connections_blocks() {
    for rule in [
        "-p tcp -m connlimit --connlimit-above 10 --connlimit-mask 32 --connlimit-saddr -j REJECT",
        "-p tcp -m tcp --dport 443 --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 4 -j DROP",
        "-p tcp -m connlimit --connlimit-upto 10 -j ACCEPT",
    ] {
        let advice = https(&filter(&[rule], &[], OPEN));
        expect(&advice, Verdict::Blocked, &["connlimit"]);
        let evidence = &advice.reasons[0].evidence;
        assert!(evidence.contains(rule), "{evidence}");
    }
}

#[test]
fn a_limit_that_does_not_concern_the_port_is_none() {
    for rule in [
        "-p tcp -m tcp --dport 22 -m connlimit --connlimit-above 3 -j REJECT",
        "-p tcp -m connlimit --connlimit-above 100 -j LOG",
    ] {
        expect(&https(&filter(&[rule], &[], OPEN)), Verdict::Safe, &[]);
    }
}

#[test]
fn a_limit_of_nftables_blocks() {
    let rule = |expressions: &str| {
        format!(
            r#"{{"nftables": [{{"metainfo": {{"json_schema_version": 1}}}},
            {{"table": {{"family": "inet", "name": "lab", "handle": 1}}}},
            {{"set": {{"family": "inet", "name": "clients", "table": "lab", "type": "ipv4_addr", "handle": 2, "size": 65535,
              "flags": ["dynamic"]}}}},
            {{"chain": {{"family": "inet", "table": "lab", "name": "input", "handle": 3, "type": "filter", "hook": "input",
              "prio": 0, "policy": "accept"}}}},
            {{"rule": {{"family": "inet", "table": "lab", "chain": "input", "handle": 4, "expr": [{expressions}]}}}}]}}"#
        )
    };
    let under = |expressions: &str| {
        let mut scene = Scene::new(&[endpoint(VIP, Protocol::TCP, 443)], "");
        scene.ruleset(RulesetKind::NftJson, &rule(expressions));
        scene.only()
    };
    let dport = |port: u16| {
        format!(
            r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": {port}}}}}"#
        )
    };
    let count = r#"{"ct count": {"val": 10, "inv": true}}"#;
    let each = r#"{"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@clients",
        "stmt": [{"ct count": {"val": 10, "inv": true}}]}}"#;
    let drop = r#"{"drop": null}"#;
    for (limit, words) in [
        (count, "tcp dport 443 ct count over 10 drop"),
        (
            each,
            "tcp dport 443 add @clients { ip saddr ct count over 10 } drop",
        ),
    ] {
        let advice = under(&[&dport(443), limit, drop].join(","));
        expect(&advice, Verdict::Blocked, &["connlimit"]);
        let evidence = &advice.reasons[0].evidence;
        assert!(evidence.contains(words), "{evidence}");
        let other = under(&[&dport(22), limit, drop].join(","));
        expect(&other, Verdict::Safe, &[]);
    }
    let counted = under(
        &[
            &dport(443),
            count,
            r#"{"counter": {"packets": 0, "bytes": 0}}"#,
        ]
        .join(","),
    );
    expect(&counted, Verdict::Safe, &[]);
}
