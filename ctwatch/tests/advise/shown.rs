//! What is printed.

use super::Desk;

#[test]
fn text() {
    insta::assert_snapshot!(Desk::new().stdout(&[]));
}

#[test]
fn json() {
    insta::assert_snapshot!(Desk::new().stdout(&["-o", "json"]));
}

#[test]
fn iptables() {
    insta::assert_snapshot!(Desk::new().stdout(&["--format", "iptables"]));
}

#[test]
fn nft() {
    insta::assert_snapshot!(Desk::new().stdout(&["--format", "nft"]));
}

#[test]
fn without_rulesets_no_rule_is_printed() {
    let desk = Desk::with(|recording| recording.node.rulesets.clear());
    for format in ["iptables", "nft"] {
        let script = desk.stdout(&["--format", format]);
        assert!(script.lines().all(|line| line.starts_with('#')), "{script}");
        assert!(script.contains("unproven"), "{script}");
    }
}

#[test]
fn files_stand_for_what_was_recorded() {
    let desk = Desk::new();
    desk.file("rules", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
    let text = desk.stdout(&["--iptables-save", "rules"]);
    assert!(!text.contains("existing-rule"), "{text}");
    assert!(text.contains("looked at 3 own addresses, rules"), "{text}");
    let elsewhere = desk.stdout(&["--addresses", "203.0.113.11"]);
    assert!(
        elsewhere.contains("203.0.113.10 is not one of the node's own"),
        "{elsewhere}"
    );
    desk.file("addr", r#"[{"addr_info":[{"local":"203.0.113.10"}]}]"#);
    assert!(
        desk.stdout(&["--addresses", "addr"])
            .contains("looked at 1 own addresses")
    );
}

#[test]
fn check_fails_when_the_table_was_full_and_only_then() {
    let desk = Desk::new();
    assert_eq!(desk.advise(&["--check"]).status.code(), Some(1));
    assert_eq!(desk.advise(&[]).status.code(), Some(0));
    let calm = Desk::with(|recording| {
        recording.samples.truncate(2);
        recording.dumps.truncate(1);
    });
    assert_eq!(calm.advise(&["--check"]).status.code(), Some(0));
}

/// What is safe follows from entries and rules, which every source shows.
#[test]
fn the_verdicts_are_the_same_whatever_watched() {
    let advised = |desk: &Desk| -> serde_json::Value {
        serde_json::from_str(&desk.stdout(&["-o", "json"])).unwrap()
    };
    let verdicts = |document: &serde_json::Value| -> Vec<(String, String, String)> {
        let ports = document["ports"].as_array().unwrap().iter();
        let mut verdicts: Vec<_> = ports
            .map(|port| {
                let text = |field| port[field].to_string();
                (text("port"), text("verdict"), text("rules"))
            })
            .collect();
        verdicts.sort();
        verdicts
    };
    let as_seen_by = |mut seen: ctwatch::model::recording::Recording| {
        Desk::with(|recording| {
            seen.node = recording.node.clone();
            *recording = seen;
        })
    };
    let probes = advised(&Desk::new());
    for (seen, backend) in [
        (crate::fixture::by_netlink(), "netlink"),
        (crate::fixture::by_dumps(), "dump"),
    ] {
        let degraded = seen.header.degraded.clone();
        let document = advised(&as_seen_by(seen));
        assert_eq!(verdicts(&document), verdicts(&probes), "{backend}");
        assert_eq!(document["source"]["backend"], backend);
        assert_eq!(document["source"]["degraded"], serde_json::json!(degraded));
        assert_eq!(
            document["ports"][0]["refused"].is_null(),
            backend == "dump",
            "{backend}"
        );
    }
}
