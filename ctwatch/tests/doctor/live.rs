//! On this machine, whatever it is: as whoever runs the tests, and as nobody.

use std::process::Command;

use serde_json::Value;

use crate::{doctor, findings};

/// A document, and an exit status that says whether anything needs attention.
fn agrees(output: &std::process::Output) -> Value {
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema_version"], 1);
    let attention = document["attention"].as_u64().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(attention > 0)));
    document
}

#[test]
fn this_machine_is_looked_at() {
    let document = agrees(&doctor(&["-o", "json"]));
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(document["kernel"], release.trim());
    assert_eq!(findings(&document, "kprobes").len(), 1);
}

#[test]
fn nobody_is_told_what_could_not_be_seen() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can become nobody");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("ctwatch");
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_ctwatch"))
        .arg(&program));
    run(Command::new("chmod").arg("755").arg(directory.path()));
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(&program)
        .args(["doctor", "-o", "json"])
        .output()
        .unwrap();
    let document = agrees(&output);
    for capability in findings(&document, "capability") {
        assert_eq!(capability["answer"], "no");
        assert!(
            capability["todo"].as_str().unwrap().contains("setcap"),
            "{capability}"
        );
    }
}

#[test]
fn a_root_that_is_none_is_an_error() {
    let output = doctor(&["--root", "/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "ctwatch: cannot look at /nowhere: no such directory\n"
    );
}
