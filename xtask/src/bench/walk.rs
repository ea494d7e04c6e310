//! A walk over the counters of 65,536 endpoints, on this machine.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::verdict;
use crate::lab::build_static;

const LIMIT_MS: f64 = 10.0;

/// What ctwatch-bench tells.
#[derive(Deserialize, Serialize)]
pub(super) struct Figures {
    endpoints: u32,
    cpus: u32,
    changes: u32,
    warm: Milliseconds,
    cold: Milliseconds,
    all_changed: Milliseconds,
}

#[derive(Deserialize, Serialize)]
struct Milliseconds {
    least: f64,
    median: f64,
    most: f64,
}

pub(super) fn measure() -> Result<Figures> {
    eprintln!("a walk over the counters, on this machine");
    let program = build_static("ctwatch-tests", "ctwatch-bench")?;
    let output = Command::new(&program)
        .arg("walk")
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!(
            "ctwatch-bench walk: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout)
        .context("ctwatch-bench walk says what this task does not expect")
}

impl Figures {
    pub(super) fn holds(&self) -> bool {
        self.cold.median <= LIMIT_MS
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "Walk over the counters of {} endpoints, {} CPUs (median; least to most)",
            self.endpoints, self.cpus
        )?;
        writeln!(f, "  {} changed, caches warm: {}", self.changes, self.warm)?;
        writeln!(
            f,
            "  {} changed, caches cold: {} (limit {LIMIT_MS} ms: {})",
            self.changes,
            self.cold,
            verdict(self.holds())
        )?;
        writeln!(f, "  all changed:              {}", self.all_changed)
    }
}

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{:.2} ms ({:.2} to {:.2})",
            self.median, self.least, self.most
        )
    }
}
