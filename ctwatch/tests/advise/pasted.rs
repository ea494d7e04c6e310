//! Printed scripts are run as printed, in a network namespace with the ruleset they were made for.

use ctwatch::model::node::{RulesetKind, RulesetText};

use super::{Desk, RULES, fixture::NETNS};

/// Runs the script twice in a namespace with RULES, and gives the raw rules of ctwatch's afterwards.
fn pasted(format: &str, run: &str, list: &str) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root for a network namespace");
        return None;
    }
    for (program, package) in [("iptables-restore", "iptables"), ("nft", "nftables")] {
        if std::process::Command::new(program)
            .arg("--version")
            .output()
            .is_err()
        {
            eprintln!("skipped: {program} is not installed (apt-get install {package})");
            return None;
        }
    }
    let desk = Desk::new();
    let script = desk.stdout(&["--format", format]);
    desk.file("rules", RULES).file("script", &script);
    let shell = format!(
        "set -e; iptables-restore rules; iptables-save | grep ^-A >before; {run}; {run}; \
         iptables-save | grep ^-A | grep -v 'comment ctwatch' | cmp - before; {list}"
    );
    let output = std::process::Command::new("unshare")
        .args(["-n", "bash", "-c", &shell])
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_iptables_script_adds_each_rule_once_and_foreign_rules_survive() {
    let list = "iptables-save | grep ctwatch";
    let Some(rules) = pasted("iptables", "bash script", list) else {
        return;
    };
    insta::assert_snapshot!(rules);
}

#[test]
fn the_nft_script_adds_each_port_once_and_foreign_rules_survive() {
    let list = "nft list table inet ctwatch";
    let Some(rules) = pasted("nft", "nft -f script", list) else {
        return;
    };
    insta::assert_snapshot!(rules);
}

/// The verdicts by port, once a recording holds these rulesets.
fn verdicts_with(rulesets: &[(RulesetKind, String)]) -> Vec<(u64, String)> {
    let desk = Desk::with(|recording| {
        recording.node.rulesets = rulesets
            .iter()
            .map(|(kind, text)| RulesetText {
                netns: NETNS,
                kind: *kind,
                text: text.clone(),
            })
            .collect();
    });
    let json: serde_json::Value = serde_json::from_str(&desk.stdout(&["-o", "json"])).unwrap();
    let ports = json["ports"].as_array().unwrap().iter();
    ports
        .map(|port| {
            let verdict = port["verdict"].as_str().unwrap();
            (port["port"].as_u64().unwrap(), verdict.to_owned())
        })
        .collect()
}

#[test]
fn once_applied_a_port_is_done() {
    // The script for nft leaves a port alone that needs rules in iptables' chains.
    for (format, run, dns) in [
        ("iptables", "bash script", "done"),
        ("nft", "nft -f script", "needs-accept"),
    ] {
        let list = "iptables-save; echo ---; nft -j list ruleset";
        let Some(text) = pasted(format, run, list) else {
            return;
        };
        let (saved, nft) = text.split_once("---\n").unwrap();
        let verdicts = verdicts_with(&[
            (RulesetKind::IptablesSave, saved.to_owned()),
            (RulesetKind::NftJson, nft.to_owned()),
        ]);
        for port in [80, 443] {
            assert!(
                verdicts.contains(&(port, "done".to_owned())),
                "{format}: {verdicts:?}"
            );
        }
        assert!(
            verdicts.contains(&(53, dns.to_owned())),
            "{format}: {verdicts:?}"
        );
    }
}
