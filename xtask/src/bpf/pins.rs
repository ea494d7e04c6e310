//! `ctwatch-ebpf/toolchain.toml`: what compiles the kernel object.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The pinned toolchain and its flags.
#[derive(Debug, Deserialize)]
pub(super) struct Pins {
    pub(super) pair: Pair,
    pub(super) object: Object,
}

/// Compiler and linker, which fit each other.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) rustc: String,
    pub(super) bpf_linker: String,
}

/// What the compiler is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub(super) target: String,
    pub(super) rustflags: Vec<String>,
}

impl Pins {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a list of pins", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }
}
