//! This node as it is now, in a network namespace of the test's own.

use std::process::{Command, Output};

/// Runs a script in an empty directory and a namespace with one entry; `None` where that cannot be.
fn in_namespace(script: &str) -> Option<Output> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root for a network namespace");
        return None;
    }
    for (program, package) in [
        ("conntrack", "conntrack"),
        ("ip", "iproute2"),
        ("setpriv", "util-linux"),
    ] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("skipped: {program} is not installed (apt-get install {package})");
            return None;
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let ready = "ip link set lo up && ip addr add 203.0.113.10/32 dev lo && conntrack -I -p tcp -s 198.51.100.7 \
                 -d 203.0.113.10 --sport 4000 --dport 443 -t 100 --state ESTABLISHED -u SEEN_REPLY,ASSURED";
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c"])
        .arg(format!("{{ {ready}; }} >ready 2>&1 || exit 77; {script}"))
        .env("CTWATCH", env!("CARGO_BIN_EXE_ctwatch"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        eprintln!("skipped: this kernel takes no entry by ctnetlink");
        return None;
    }
    Some(output)
}

#[test]
fn without_any_input_the_node_itself_is_judged() {
    let Some(output) = in_namespace("$CTWATCH advise -o json") else {
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["source"]["kind"], "live");
    assert!(document["source"]["window_seconds"].is_null());
    assert_eq!(document["table"]["count"], 1);
    assert!(document["table"]["max"].is_u64());
    let port = &document["ports"][0];
    assert_eq!(
        (&port["port"], &port["role"]),
        (&443.into(), &"inbound".into())
    );
    assert!(port["new_per_second"].is_null());
    assert!(
        port["looked_at"][0]
            .as_str()
            .unwrap()
            .contains("own addresses")
    );
}

#[test]
fn without_the_capability_the_ways_out_are_told() {
    let drop = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin";
    let Some(output) = in_namespace(&format!("{drop} $CTWATCH advise")) else {
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for words in [
        "no ctwatch.db here",
        "CAP_NET_ADMIN missing",
        "--conntrack DUMP",
    ] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
}

#[test]
fn a_file_that_stands_for_something_recorded_asks_for_the_recording() {
    let Some(output) = in_namespace("$CTWATCH advise --addresses 203.0.113.10") else {
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("ctwatch.db"), "{errors}");
}
