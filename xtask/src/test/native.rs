//! The scenarios that need no laboratory, on this machine: in namespaces of their own, which end with them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::scenarios::verdict;
use super::tally::Tally;
use crate::lab::host;

/// The step's name.
pub(super) const NAME: &str = "scenarios on this machine";

/// Runs inside; its lines are what [`verdict`] reads.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/test/native.sh");

/// Namespaces that nothing outside can see; their first process takes the others along when it ends, however it ends.
const APART: &[&str] = &[
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--net",
];

/// Programs that scenarios run, and the Debian packages that bring them.
const TOOLS: &[(&str, &str)] = &[
    ("conntrack", "conntrack"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
];

/// All of them take minutes at most.
const SECONDS: &str = "900";

/// Runs them with these programs, or says why it cannot be done here.
pub(super) fn run(programs: &[(PathBuf, PathBuf)]) -> Result<Tally> {
    if let Some(reason) = obstacle() {
        return Ok(Tally::skip("all of them", reason));
    }
    host::provide_tools(TOOLS, "the scenarios lack")?;
    let directory = programs.first().and_then(|(program, _)| program.parent());
    attempt(directory.context("no program was built")?)
}

fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root: it makes network namespaces (sudo cargo xtask test)".to_owned());
    }
    let mut apart = host::command("unshare");
    let refused = host::run(apart.args(APART).arg("true")).err()?;
    Some(format!("no namespaces can be made here: {refused:#}"))
}

fn attempt(programs: &Path) -> Result<Tally> {
    let mut child = Command::new("timeout")
        .args(["--kill-after=10", SECONDS, "unshare"])
        .args(APART)
        .args(["sh", SCRIPT])
        .arg(programs)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run timeout")?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            eprintln!("here: {line}");
            if let Some(one) = verdict(&line) {
                tally += one;
            }
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failures.is_empty() {
        bail!("ctwatch-tests ended with {status}");
    }
    Ok(tally)
}
