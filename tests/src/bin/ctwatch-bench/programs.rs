//! The kernel programs' own instructions, as the kernel counts them: without the hook that calls them.

use std::{collections::BTreeMap, fs, io::ErrorKind, process::Command};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Types of programs that watch conntrack: by kprobe, and by fentry and fexit.
const KINDS: [&str; 2] = ["kprobe", "tracing"];

/// What bpftool tells of a program.
#[derive(Deserialize)]
struct Program {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    #[serde(default)]
    run_time_ns: u64,
    #[serde(default)]
    run_cnt: u64,
}

/// Runs and instructions of one program.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Runs {
    runs: u64,
    instructions: u64,
}

/// What each of ctwatch's programs takes while `work` runs; those that do not run are left out.
pub(crate) fn during(work: impl FnOnce() -> Result<()>) -> Result<BTreeMap<String, Runs>> {
    let switch = |on: &str| fs::write(SWITCH, on).with_context(|| format!("cannot write {SWITCH}"));
    switch("1")?;
    let before = read()?;
    work()?;
    let mut after = read()?;
    switch("0")?;
    for (name, runs) in &mut after {
        let before = before.get(name).copied().unwrap_or_default();
        runs.runs -= before.runs;
        runs.instructions -= before.instructions;
    }
    after.retain(|_, runs| runs.runs != 0);
    Ok(after)
}

/// How many there are; none where there is no bpftool, as outside the laboratory.
pub(crate) fn count() -> Result<usize> {
    match Command::new("bpftool").arg("version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        _ => Ok(list()?.len()),
    }
}

fn read() -> Result<BTreeMap<String, Runs>> {
    Ok(list()?
        .into_iter()
        .map(|program| {
            let runs = Runs {
                runs: program.run_cnt,
                instructions: program.run_time_ns,
            };
            (program.name.unwrap_or_default(), runs)
        })
        .collect())
}

fn list() -> Result<Vec<Program>> {
    let output = Command::new("bpftool")
        .args(["-j", "prog", "show"])
        .output()
        .context("cannot run bpftool")?;
    let mut programs: Vec<Program> =
        serde_json::from_slice(&output.stdout).context("bpftool's answer cannot be read")?;
    programs.retain(|program| KINDS.contains(&program.kind.as_str()));
    Ok(programs)
}
