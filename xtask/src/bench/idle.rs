//! What the recorder takes of a node on which nothing happens.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::guest::Program;
use super::verdict;
use crate::lab::build_static;

/// Per cent of a core, of the dumps-only mode on a small node.
const LIMIT_PERCENT: f64 = 0.2;

/// What ctwatch-bench tells.
#[derive(Deserialize)]
struct Idle {
    mode: String,
    namespaces: usize,
    processes: usize,
    seconds: u64,
    cpu_ns: u64,
}

/// By mode and node.
#[derive(Serialize)]
pub(super) struct Figures {
    /// Whether a nanosecond is an instruction.
    counted: bool,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    mode: String,
    namespaces: usize,
    processes: usize,
    /// Of a core.
    percent: f64,
}

/// In the laboratory.
pub(super) fn count(program: &Program) -> Result<Figures> {
    eprintln!("an idle node");
    let (idle, _) = program.run::<Vec<Idle>>("idle")?;
    Ok(Figures::of(true, idle))
}

/// On this machine, among processes and namespaces of its own; `None` where that cannot be had, which is said.
pub(super) fn time() -> Result<Option<Figures>> {
    if !nix::unistd::geteuid().is_root() {
        println!("An idle node: skipped, since namespaces of its own need root");
        return Ok(None);
    }
    eprintln!("an idle node, on this machine");
    let bench = build_static("ctwatch-tests", "ctwatch-bench")?;
    let ctwatch = build_static("ctwatch", "ctwatch")?;
    let programs = ctwatch.parent().context("a program without a directory")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("unshare")
        .args(["--fork", "--pid", "--kill-child", "--mount-proc", "--net"])
        .arg(&bench)
        .arg("idle")
        .env("PATH", format!("{}:{path}", programs.display()))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run unshare")?;
    if !output.status.success() {
        bail!("ctwatch-bench idle failed (its words are above)");
    }
    // The recordings' summaries come first.
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().next_back().unwrap_or_default();
    let idle = serde_json::from_str(last)
        .context("ctwatch-bench idle says what this task does not expect")?;
    Ok(Some(Figures::of(false, idle)))
}

impl Figures {
    fn of(counted: bool, idle: Vec<Idle>) -> Self {
        let nodes = idle.into_iter().map(|one| Node {
            mode: one.mode,
            namespaces: one.namespaces,
            processes: one.processes,
            percent: one.cpu_ns as f64 / (one.seconds as f64 * 1e9) * 100.0,
        });
        Self {
            counted,
            nodes: nodes.collect(),
        }
    }

    /// The limit is for the smallest node.
    fn limited(&self) -> Option<&Node> {
        let dumps = self.nodes.iter().filter(|node| node.mode == "dumps");
        dumps.min_by_key(|node| node.namespaces)
    }

    pub(super) fn holds(&self) -> bool {
        self.limited()
            .is_some_and(|node| node.percent <= LIMIT_PERCENT)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let unit = if self.counted {
            ", at 10^9 instructions a second"
        } else {
            ""
        };
        writeln!(f, "Idle node, a sample a second, per cent of a core{unit}")?;
        for node in &self.nodes {
            writeln!(
                f,
                "  {:8} {:>4} namespaces, {:>4} processes: {:.3} %",
                node.mode, node.namespaces, node.processes, node.percent
            )?;
        }
        let word = verdict(self.holds());
        writeln!(
            f,
            "  dumps, the small node: limit {LIMIT_PERCENT} %: {word}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(mode: &str, namespaces: usize, cpu_ns: u64) -> Idle {
        Idle {
            mode: mode.into(),
            namespaces,
            processes: 30,
            seconds: 60,
            cpu_ns,
        }
    }

    #[test]
    fn the_limit_is_for_dumps_on_the_small_node() {
        let with = |dumps| {
            Figures::of(
                true,
                vec![
                    idle("events", 3, 900_000_000),
                    idle("dumps", 200, 900_000_000),
                    idle("dumps", 3, dumps),
                ],
            )
        };
        assert!(with(120_000_000).holds());
        assert!(!with(121_000_000).holds());
        assert!(!Figures::of(true, Vec::new()).holds());
    }
}
