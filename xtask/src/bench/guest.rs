//! A part of ctwatch-bench inside the laboratory, where the clock counts instructions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use super::HOME;
use crate::lab::{Cpus, Kernel, Machine, build_static};

/// A guest is silent while it measures; one processor of a busy machine is slow.
const SILENCE: Duration = Duration::from_secs(15 * 60);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/guest.sh");

/// What is brought along.
pub(super) struct Program {
    kernel: Kernel,
    payload: Vec<(PathBuf, PathBuf)>,
}

impl Program {
    /// For a guest with this kernel.
    pub(super) fn build(kernel: Kernel) -> Result<Self> {
        let ctwatch = build_static("ctwatch", "ctwatch")?;
        let bench = build_static("ctwatch-tests", "ctwatch-bench")?;
        Ok(Self {
            kernel,
            payload: vec![
                (ctwatch, "/usr/local/bin/ctwatch".into()),
                (bench, "/usr/local/bin/ctwatch-bench".into()),
            ],
        })
    }

    /// Boots, measures `part`, and yields what it left in `/out/PART.json`, with the kernel's version.
    pub(super) fn run<T: DeserializeOwned>(&self, part: &str) -> Result<(T, String)> {
        self.run_with(part, &[])
    }

    /// The same with arguments.
    pub(super) fn run_with<T: DeserializeOwned>(
        &self,
        part: &str,
        arguments: &[&str],
    ) -> Result<(T, String)> {
        let out = Path::new(HOME).join("out");
        let mut machine = Machine::new(self.kernel, out.clone());
        machine.cpus = Cpus::Icount;
        machine.timeout = SILENCE;
        machine.payload.clone_from(&self.payload);
        let words: Vec<String> = [&[part], arguments]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let outcome = machine.run(Path::new(SCRIPT), &words, |line| {
            eprintln!("  {}", line.text());
        })?;
        if outcome.status != 0 {
            bail!(
                "ctwatch-bench {part} ended with status {} (its words are above)",
                outcome.status
            );
        }
        let path = out.join(format!("{part}.json"));
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let result = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what this task expects", path.display()))?;
        Ok((result, outcome.release))
    }
}
