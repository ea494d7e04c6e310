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
    /// The Debian suite that packages this rustc's library sources.
    pub(super) rust_src_suite: String,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test whose text is not read has failed.

    use super::*;

    const PINS: &str = r#"
        [pair]
        rustc = "1.95.0"
        bpf-linker = "0.13.0"
        rust-src-suite = "trixie-backports"
        [object]
        target = "bpfel-unknown-none"
        rustflags = ["-Ctarget-cpu=v3"]
        [profile.bpf]
        inherits = "release"
    "#;

    #[test]
    fn pins_are_read_and_cargos_part_is_left_to_cargo() {
        let pins = Pins::parse(PINS).unwrap();
        assert_eq!(
            (pins.pair.rustc.as_str(), pins.pair.bpf_linker.as_str()),
            ("1.95.0", "0.13.0")
        );
        assert_eq!(pins.pair.rust_src_suite, "trixie-backports");
        assert_eq!(pins.object.target, "bpfel-unknown-none");
        assert_eq!(pins.object.rustflags, ["-Ctarget-cpu=v3"]);
    }

    #[test]
    fn half_a_pair_is_an_error_that_names_the_other_half() {
        let error = Pins::parse(&PINS.replace("bpf-linker", "linker")).unwrap_err();
        assert!(error.to_string().contains("linker"), "{error}");
    }

    #[test]
    fn the_pins_of_this_repository_are_complete() {
        let pins = Pins::read(&crate::bpf::Tree::find().unwrap().pins()).unwrap();
        assert!(
            pins.object
                .rustflags
                .iter()
                .any(|flag| flag.starts_with("-Ctarget-cpu="))
        );
    }
}
