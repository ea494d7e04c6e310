//! The sources of `core`, which rustc has no compiled form of for BPF.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::command::{output, run};
use super::pins::Pins;
use super::toolchain::Rustc;

/// A rustc that finds `core`'s sources in its sysroot.
pub(super) struct WithSources {
    pub(super) program: PathBuf,
    pub(super) sysroot: PathBuf,
}

/// Finds the sources of exactly this rustc, or fetches them.
pub(super) fn ensure(_pins: &Pins, rustc: &Rustc) -> Result<WithSources> {
    if !present(&rustc.sysroot) {
        by_rustup(rustc)?;
    }
    if !present(&rustc.sysroot) {
        bail!(
            "rustup added rust-src, yet {} has no library sources",
            rustc.sysroot.display()
        );
    }
    Ok(WithSources {
        program: rustc.program.clone(),
        sysroot: rustc.sysroot.clone(),
    })
}

fn by_rustup(rustc: &Rustc) -> Result<()> {
    let active = output(Command::new("rustup").args(["show", "active-toolchain"]))?;
    let toolchain = active.split_whitespace().next().unwrap_or_default();
    eprintln!("adding rust-src {} by rustup", rustc.release);
    run(Command::new("rustup").args(["component", "add", "rust-src", "--toolchain", toolchain]))
}

/// Where cargo's build-std looks.
fn present(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .is_file()
}
