//! `--plan`: what is written is what `apply` reads.

use std::fs;

use ctwatch::{
    model::{
        notrack::{AcceptRule, Direction},
        plan::PlanBackend,
    },
    source::plan,
};

use super::Desk;

fn planned(desk: &Desk, arguments: &[&str]) -> ctwatch::model::plan::Plan {
    desk.stdout(&[&["--plan", "plan.toml"], arguments].concat());
    let text = fs::read_to_string(desk.path("plan.toml")).unwrap();
    plan::read(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_plan_has_the_rules_that_are_printed() {
    let desk = Desk::new();
    let plan = planned(&desk, &["--format", "iptables"]);
    let script = desk.stdout(&["--format", "iptables"]);
    let printed = script
        .lines()
        .filter(|line| line.contains("-j NOTRACK") && !line.starts_with('#'));
    assert_eq!(
        (plan.backend, plan.notrack().len()),
        (PlanBackend::Iptables, printed.count())
    );
    assert!(!plan.notrack().is_empty(), "{script}");
    let https = plan.ports.iter().find(|port| port.port == 443).unwrap();
    assert!(
        https.directions.contains(&Direction::Requests)
            && https.directions.contains(&Direction::Replies)
    );
}

#[test]
fn a_plan_knows_the_rules_it_was_made_from() {
    let desk = Desk::new();
    let tables = |plan: ctwatch::model::plan::Plan| plan.rulesets.unwrap();
    let before = tables(planned(&desk, &[]));
    assert!(
        before.contains_key("iptables raw") && before.contains_key("iptables filter"),
        "{before:?}"
    );
    desk.file("rules", &super::RULES.replace("--dport 9 ", "--dport 10 "));
    let after = tables(planned(&desk, &["--force", "--iptables-save", "rules"]));
    assert_ne!(before["iptables raw"], after["iptables raw"]);
    assert_eq!(before["iptables filter"], after["iptables filter"]);
}

#[test]
fn accept_rules_are_planned_for_iptables_and_a_plan_that_is_there_is_kept() {
    let desk = Desk::new();
    desk.file(
        "rules",
        &super::RULES.replace("-A OUTPUT -p tcp -j ACCEPT\n", ""),
    );
    let plan = planned(&desk, &["--iptables-save", "rules"]);
    let https = plan.ports.iter().find(|port| port.port == 443).unwrap();
    assert!(!https.accepts.is_empty(), "{plan:?}");
    assert_eq!(plan.backend, PlanBackend::Iptables);
    let error = desk.advise(&["--plan", "plan.toml"]);
    assert_eq!(error.status.code(), Some(2));
    let said = String::from_utf8_lossy(&error.stderr).into_owned();
    assert!(
        said.contains("exists already (--force overwrites it, --plan FILE writes elsewhere)"),
        "{said}"
    );
    let nft = planned(
        &desk,
        &["--force", "--iptables-save", "rules", "--format", "nft"],
    );
    assert!(
        nft.ports
            .iter()
            .all(|port| port.accepts.is_empty() && port.port != 443),
        "{nft:?}"
    );
}

/// Somebody's table that drops untracked packets by its second rule but one; the one between is ctwatch's.
const NFT: &str = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
{"table": {"family": "inet", "name": "fw", "handle": 1}},
{"chain": {"family": "inet", "table": "fw", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 10, "policy": "accept"}},
{"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 4, "expr": [
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 12, "comment": "ctwatch requests_ip 203.0.113.77 tcp 9", "expr": [
    {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "203.0.113.77"}},
    {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 9}},
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "untracked"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 7, "expr": [
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "untracked"}}, {"drop": null}]}}
]}"#;

#[test]
fn accept_rules_in_tables_of_nft_are_planned_by_their_place_among_others() {
    let desk = Desk::new();
    desk.file("fw.json", NFT);
    let plan = planned(&desk, &["--nft", "fw.json", "--format", "nft"]);
    let https = plan.ports.iter().find(|port| port.port == 443).unwrap();
    assert!(!https.accepts.is_empty(), "{plan:?}");
    for rule in &https.accepts {
        let place = (rule.table.as_str(), rule.chain.as_str(), rule.before);
        assert_eq!(place, ("inet fw", "in", Some(2)));
    }
}

/// Of port 53 some stand in OUTPUT of iptables, so that iptables installs it all.
#[test]
fn accept_rules_of_both_kinds_are_planned_for_iptables_and_left_out_of_plans_for_nft() {
    let desk = Desk::new();
    desk.file("fw.json", NFT);
    let plan = planned(&desk, &["--nft", "fw.json"]);
    assert_eq!(plan.backend, PlanBackend::Iptables);
    let dns = plan.ports.iter().find(|port| port.port == 53).unwrap();
    let native = |rule: &AcceptRule| rule.is_native();
    assert!(
        dns.accepts.iter().any(native) && !dns.accepts.iter().all(native),
        "{dns:?}"
    );
    let output = desk.advise(&[
        "--plan",
        "other.toml",
        "--nft",
        "fw.json",
        "--format",
        "nft",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("udp port 53 needs accept rules in chains of iptables")
            && !said.contains("443"),
        "{said}"
    );
}
