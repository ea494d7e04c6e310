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
