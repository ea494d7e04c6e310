//! What cargo itself checks: format, lints, licences, and the tests that need no laboratory.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::libtest;
use super::tally::{Remark, Tally};

/// `cargo fmt --check`; the difference is shown as it comes.
pub(super) fn format() -> Result<Tally> {
    passes(
        cargo(&["fmt", "--all", "--check"]),
        "cargo fmt --check",
        "the difference is shown above (cargo fmt --all)",
    )
}

/// Clippy on everything that is compiled for this machine; a warning is an error.
pub(super) fn clippy() -> Result<Tally> {
    passes(
        cargo(&[
            "clippy",
            "--quiet",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
        "cargo clippy",
        "the warnings are shown above",
    )
}

/// Whether a program that cargo calls for a subcommand is there.
pub(super) fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Licences, versions and sources, where cargo-deny is installed; advisories, where their database can be fetched.
pub(super) fn deny() -> Result<Tally> {
    if !is_installed("cargo-deny") {
        return Ok(Tally::skip(
            "cargo deny check",
            "cargo-deny is not installed",
        ));
    }
    let mut tally = passes(
        cargo(&["deny", "check", "bans", "licenses", "sources"]),
        "cargo deny check",
        "its report is above",
    )?;
    let advisories = cargo(&["deny", "check", "advisories"])
        .output()
        .context("cannot run cargo deny")?;
    let told = String::from_utf8_lossy(&advisories.stderr);
    let name = "cargo deny check advisories";
    tally += if advisories.status.success() {
        Tally::pass()
    } else if told.contains("failed to fetch advisory database") {
        Tally::skip(name, "the database of advisories cannot be fetched")
    } else {
        eprint!("{told}");
        Tally::failure(name, "its report is above")
    };
    Ok(tally)
}

/// `cargo test`. Its lines are shown as they come; those of tests that passed are left out.
pub(super) fn test() -> Result<Tally> {
    let mut child = cargo(&["test", "--quiet", "--locked", "--no-fail-fast"])
        .args(["--", "--show-output", "--format=pretty"])
        // A check writes nothing beside the sources.
        .env("INSTA_UPDATE", "no")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo test")?;
    let mut results = libtest::Results::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if results.read(&line) {
                eprintln!("{line}");
            }
        }
    }
    let status = child.wait()?;
    let mut tally = results.tally();
    if !status.success() && tally.failures.is_empty() {
        let reason = format!("{status}: a test does not compile, or ended before its time");
        tally.failures.push(Remark::new("cargo test", reason));
    }
    Ok(tally)
}

fn passes(mut command: Command, test: &str, otherwise: &str) -> Result<Tally> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {test}"))?;
    Ok(if status.success() {
        Tally::pass()
    } else {
        Tally::failure(test, otherwise)
    })
}

/// The cargo that runs this xtask, in the repository.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(arguments);
    command
}
