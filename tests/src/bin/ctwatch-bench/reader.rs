//! A program that reads events in the background: its CPU time, and what the kernel dropped at its sockets.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use nix::unistd::Pid;
use serde::Serialize;

use super::clock::of_family;

const SOCKETS: &str = "/proc/net/netlink";

/// What a reader has used and lost so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Reader {
    /// CPU time, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Messages.
    pub(crate) dropped: u64,
}

impl Reader {
    /// Until now.
    pub(crate) fn of(pid: Pid) -> Result<Self> {
        Ok(Self {
            cpu_ns: of_family(pid)?,
            dropped: sockets(pid)?.iter().map(|(_, drops)| drops).sum(),
        })
    }

    /// What came since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns - before.cpu_ns,
            dropped: self.dropped - before.dropped,
        }
    }
}

/// Sockets of a process, as /proc names them.
fn inodes(pid: Pid) -> Result<Vec<String>> {
    let directory = format!("/proc/{pid}/fd");
    let files = fs::read_dir(&directory).with_context(|| format!("cannot read {directory}"))?;
    let number = |path: &Path| {
        let target = fs::read_link(path).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        Some(inode.strip_suffix(']')?.to_owned())
    };
    Ok(files
        .filter_map(|file| number(&file.ok()?.path()))
        .collect())
}

/// Groups and drops of the process's netlink sockets.
fn sockets(pid: Pid) -> Result<Vec<(u32, u64)>> {
    let own = inodes(pid)?;
    let text = fs::read_to_string(SOCKETS).with_context(|| format!("cannot read {SOCKETS}"))?;
    let mut sockets = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
        if let [_, _, _, groups, _, _, _, _, drops, inode] = fields[..]
            && own.iter().any(|own| own == inode)
        {
            sockets.push((u32::from_str_radix(groups, 16)?, drops.parse()?));
        }
    }
    Ok(sockets)
}

/// Whether the process listens to events.
pub(crate) fn listens(pid: Pid) -> Result<bool> {
    Ok(sockets(pid)?.iter().any(|(groups, _)| *groups != 0))
}
