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
fn calico() {
    insta::assert_snapshot!(Desk::new().stdout(&["--format", "calico"]));
}

#[test]
fn without_rulesets_no_rule_is_printed() {
    let desk = Desk::with(|recording| recording.node.rulesets.clear());
    for format in ["iptables", "nft", "calico"] {
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

#[test]
fn a_listing_of_settings_stands_for_those_recorded() {
    let desk = Desk::new();
    let close_wait = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
    assert!(
        desk.stdout(&[])
            .contains("timeout of CLOSE_WAIT: 60 s instead of 3600 s")
    );
    desk.file("settings", &format!("{close_wait} = 60\n"));
    let text = desk.stdout(&["--sysctl", "settings"]);
    assert!(!text.contains("timeout of CLOSE_WAIT"), "{text}");

    desk.file(
        "settings",
        &format!(
            "/proc/sys/{}:600\nhalf a li\n",
            close_wait.replace('.', "/")
        ),
    );
    let output = desk.advise(&["--sysctl", "settings"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("timeout of CLOSE_WAIT: 60 s instead of 600 s"),
        "{text}"
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "ctwatch: warning: settings:2:10: not a setting: \"half a li\"\n"
    );
}

#[test]
fn a_service_of_ipvs_is_blocked_and_its_drained_backend_told() {
    let desk = Desk::new();
    desk.file(
        "services",
        "-A -t 203.0.113.10:443 -s rr\n-a -t 203.0.113.10:443 -r 172.16.1.2:8080 -m -w 0\n",
    );
    let text = desk.stdout(&["--ipvs", "services"]);
    assert!(
        text.contains("tcp 443 at 203.0.113.10 (inbound): blocked"),
        "{text}"
    );
    assert!(text.contains("ipvs-service: IPVS forwards it: tcp 203.0.113.10:443 (rr, 1 backends)"));
    assert!(text.contains("backends of weight 0: 172.16.1.2:8080 of tcp 203.0.113.10:443"));
}
