//! `ctwatch doctor`, as users run it: over trees recorded of nodes (`record.sh`), and on this machine.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot go on has failed"
)]

mod arbitrary;
mod live;
mod shown;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// Runs the program.
fn doctor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctwatch"))
        .arg("doctor")
        .args(arguments)
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

/// A node's tree.
fn tree(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/doctor/trees")
        .join(name)
}

/// What it says of a node, as text, and its exit status.
fn text(name: &str) -> (String, Option<i32>) {
    let output = doctor(&["--root", tree(name).to_str().unwrap()]);
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

/// What it says of a node, as JSON.
fn json(name: &str) -> Value {
    let output = doctor(&["-o", "json", "--root", tree(name).to_str().unwrap()]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The findings of a check.
fn findings<'a>(document: &'a Value, check: &str) -> Vec<&'a Value> {
    let findings = document["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| finding["check"] == check)
        .collect()
}

/// The checks, with their subjects, that need attention.
fn faults(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let faults = findings
        .iter()
        .filter(|finding| finding["attention"] == true);
    faults
        .map(|finding| {
            format!("{} {}", word(finding, "check"), word(finding, "subject"))
                .trim_end()
                .to_owned()
        })
        .collect()
}
