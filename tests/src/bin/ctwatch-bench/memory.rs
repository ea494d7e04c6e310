//! Memory of a process, as /proc tells it.

use std::fs;

use anyhow::{Context as _, Result};
use nix::unistd::Pid;

/// A line of /proc/PID/FILE, in KiB.
pub(crate) fn kib(pid: Pid, file: &str, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    Ok(value
        .with_context(|| format!("{path} has no {name}"))?
        .parse()?)
}
