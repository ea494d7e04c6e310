//! Compiles `ctwatch-ebpf` to one BPF object.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::cache;
use super::command::{cargo, run};
use super::pins::Pins;
use super::toolchain::Toolchain;
use super::tree::{ARCH, Tree};

/// Compiles the object and returns where cargo put it. The compiler's messages go to stderr in full.
pub(super) fn compile(tree: &Tree, pins: &Pins, toolchain: &Toolchain) -> Result<PathBuf> {
    let mut build = kernel_cargo("build", tree, pins, toolchain)?;
    run(build.arg("--quiet")).context("ctwatch-ebpf does not compile")?;
    Ok(tree.target().join(&pins.object.target).join("bpf/ctwatch"))
}

/// Runs clippy over the kernel side; a warning is an error.
pub(super) fn lint(tree: &Tree, pins: &Pins, toolchain: &Toolchain) -> Result<()> {
    let mut clippy = kernel_cargo("clippy", tree, pins, toolchain)?;
    run(clippy.args(["--quiet", "--", "-D", "warnings"])).context("clippy refuses ctwatch-ebpf")
}

/// A cargo that works on the kernel side with the pinned flags and nothing of the caller's.
fn kernel_cargo(
    subcommand: &str,
    tree: &Tree,
    pins: &Pins,
    toolchain: &Toolchain,
) -> Result<Command> {
    let mut cargo = cargo();
    cargo
        .args([
            subcommand,
            "--locked",
            "--package",
            "ctwatch-ebpf",
            "--profile",
            "bpf",
        ])
        .arg("--config")
        .arg(tree.pins())
        .args(["-Zbuild-std=core", "--target", &pins.object.target])
        .arg("--target-dir")
        .arg(tree.target())
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(tree, pins, toolchain)?)
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker)
        .env("RUSTC", &toolchain.rustc)
        // -Zbuild-std is for nightly compilers unless this is set; nightly has no versions that one could pin.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(tree.root());
    Ok(cargo)
}

/// The flags, in cargo's encoding: those of the pin file, and what keeps this machine's paths out of the object.
fn rustflags(tree: &Tree, pins: &Pins, toolchain: &Toolchain) -> Result<OsString> {
    let mut flags: Vec<OsString> = pins.object.rustflags.iter().map(OsString::from).collect();
    flags.push(format!("--cfg=bpf_target_arch=\"{ARCH}\"").into());
    // rustc takes the last prefix that fits, so the narrow ones come last.
    flags.push(remap(&cache::directory()?, "rust"));
    flags.push(remap(&toolchain.sysroot, "rust"));
    flags.push(remap(tree.root(), ""));
    for registry in registries()? {
        flags.push(remap(&registry, "crates"));
    }
    Ok(flags.join(OsStr::new("\u{1f}")))
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// The directories that cargo unpacks crates into: one a registry, named after its host.
fn registries() -> Result<Vec<PathBuf>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("no home directory is known; name cargo's in CARGO_HOME")?;
    let unpacked = home.join("registry/src");
    let mut found = vec![home];
    // Absent before the first crate is fetched.
    if let Ok(entries) = fs::read_dir(unpacked) {
        found.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    }
    Ok(found)
}
