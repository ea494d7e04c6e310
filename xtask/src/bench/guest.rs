//! A part of ctwatch-bench inside the laboratory, where the clock counts instructions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use super::HOME;
use crate::lab::{Cpus, Kernel, Machine, build_static};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/guest.sh");

/// What is brought along.
pub(super) struct Program {
    payload: Vec<(PathBuf, PathBuf)>,
}

impl Program {
    pub(super) fn build() -> Result<Self> {
        let ctwatch = build_static("ctwatch", "ctwatch")?;
        let bench = build_static("ctwatch-tests", "ctwatch-bench")?;
        Ok(Self {
            payload: vec![
                (ctwatch, "/usr/local/bin/ctwatch".into()),
                (bench, "/usr/local/bin/ctwatch-bench".into()),
            ],
        })
    }

    /// Boots, measures `part`, and yields what it left in `/out/PART.json`, with the kernel's version.
    pub(super) fn run<T: DeserializeOwned>(&self, part: &str) -> Result<(T, String)> {
        let out = Path::new(HOME).join("out");
        let mut machine = Machine::new(Kernel::V6_1, out.clone());
        machine.cpus = Cpus::Icount;
        machine.payload.clone_from(&self.payload);
        let outcome = machine.run(Path::new(SCRIPT), &[part.to_owned()], |line| {
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
