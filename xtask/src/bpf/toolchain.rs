//! The toolchain of the kernel side: the pinned rustc, its library sources, and a linker that reads its bitcode.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::command::output;
use super::pins::Pins;
use super::{linker, rust_src};

/// What compiles the kernel object.
pub(super) struct Toolchain {
    /// A rustc whose sysroot holds the library sources.
    pub(super) rustc: PathBuf,
    /// bpf-linker, linked with that rustc's LLVM.
    pub(super) linker: PathBuf,
    /// Where the library sources lie, symbolic links resolved.
    pub(super) sysroot: PathBuf,
}

impl Toolchain {
    /// Finds the pinned toolchain, and fetches or builds what is missing of it.
    pub(super) fn set_up(pins: &Pins) -> Result<Self> {
        let rustc = Rustc::running()?;
        if rustc.release != pins.pair.rustc {
            bail!(
                "rustc {} is running, the kernel object is compiled by {} (rustup toolchain install {1}, then cargo +{1} xtask bpf)",
                rustc.release,
                pins.pair.rustc
            );
        }
        let linker = linker::ensure(pins, &rustc)?;
        let with_sources = rust_src::ensure(pins, &rustc)?;
        Ok(Self {
            rustc: with_sources.program,
            linker,
            sysroot: with_sources.sysroot,
        })
    }
}

/// One rustc and what it says about itself.
pub(super) struct Rustc {
    pub(super) program: PathBuf,
    pub(super) release: String,
    pub(super) host: String,
    pub(super) llvm_major: u32,
    pub(super) sysroot: PathBuf,
}

impl Rustc {
    /// The rustc that cargo would use here.
    pub(super) fn running() -> Result<Self> {
        let program =
            std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let verbose = output(Command::new(&program).arg("-vV"))?;
        let sysroot = output(Command::new(&program).args(["--print", "sysroot"]))?;
        let llvm = field(&verbose, "LLVM version")?;
        let major = llvm.split('.').next().unwrap_or_default();
        Ok(Self {
            program,
            release: field(&verbose, "release")?.to_owned(),
            host: field(&verbose, "host")?.to_owned(),
            llvm_major: major
                .parse()
                .with_context(|| format!("rustc -vV: LLVM version {llvm} has no major number"))?,
            sysroot: PathBuf::from(sysroot.trim_end()),
        })
    }
}

fn field<'a>(verbose: &'a str, name: &str) -> Result<&'a str> {
    verbose
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .with_context(|| format!("rustc -vV prints no {name}"))
}
