//! The sources of `core`, which rustc has no compiled form of for BPF.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::command::{output, run};
use super::debian_src;
use super::pins::Pins;
use super::toolchain::Rustc;

/// A rustc that finds `core`'s sources in its sysroot.
pub(super) struct WithSources {
    pub(super) program: PathBuf,
    pub(super) sysroot: PathBuf,
}

/// Finds the sources of exactly this rustc, or fetches them: by rustup, else as a Debian package.
pub(super) fn ensure(pins: &Pins, rustc: &Rustc) -> Result<WithSources> {
    let own = || WithSources {
        program: rustc.program.clone(),
        sysroot: rustc.sysroot.clone(),
    };
    if present(&rustc.sysroot) {
        return Ok(own());
    }
    if let Some(copied) = debian_src::earlier(rustc)? {
        return Ok(copied);
    }
    let Err(rustup) = by_rustup(rustc) else {
        return Ok(own());
    };
    eprintln!("{rustup:#}; trying Debian's package");
    debian_src::fetch(pins, rustc).with_context(|| {
        format!(
            "no library sources of rustc {} (rust-src): {rustup:#}",
            rustc.release
        )
    })
}

fn by_rustup(rustc: &Rustc) -> Result<()> {
    let active = output(Command::new("rustup").args(["show", "active-toolchain"]))?;
    let toolchain = active.split_whitespace().next().unwrap_or_default();
    eprintln!("adding rust-src {} by rustup", rustc.release);
    run(Command::new("rustup").args(["component", "add", "rust-src", "--toolchain", toolchain]))?;
    if !present(&rustc.sysroot) {
        bail!(
            "rustup added rust-src, but not to {}",
            rustc.sysroot.display()
        );
    }
    Ok(())
}

/// Where cargo's build-std looks.
pub(super) fn present(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .is_file()
}
