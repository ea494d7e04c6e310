//! bpf-linker, built from the crate registry against the LLVM that rustc itself brings along.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::cache;
use super::command::{cargo, run};
use super::pins::Pins;
use super::toolchain::Rustc;

/// The path of a bpf-linker that runs; builds it when there is none.
pub(super) fn ensure(pins: &Pins, rustc: &Rustc) -> Result<PathBuf> {
    let version = &pins.pair.bpf_linker;
    let _lock = cache::lock()?;
    let home = cache::directory()?.join(format!(
        "bpf-linker-{version}-rustc-{}-{}",
        rustc.release, rustc.host
    ));
    // The linker's rpath points at this prefix, so it is made anew when the toolchain has moved.
    link_llvm(&rustc.sysroot, &home.join("llvm/lib"))?;
    let linker = home.join("bin/bpf-linker");
    if !runs(&linker) {
        eprintln!(
            "building bpf-linker {version} for LLVM {} (once, about a minute)",
            rustc.llvm_major
        );
        install(version, rustc, &home)?;
    }
    Ok(linker)
}

fn install(version: &str, rustc: &Rustc, home: &Path) -> Result<()> {
    let scratch = home.join("build");
    let feature = format!("llvm-{}", rustc.llvm_major);
    run(cargo()
        .args([
            "install",
            "bpf-linker",
            "--quiet",
            "--force",
            "--locked",
            "--no-default-features",
        ])
        .args(["--version", version, "--features", &feature])
        .arg("--root")
        .arg(home)
        .arg("--target-dir")
        .arg(&scratch)
        .env("LLVM_PREFIX", home.join("llvm"))
        // Away from the repository, whose cargo configuration is not the linker's.
        .current_dir(home))?;
    fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))
}

/// Fills `lib` with the two names under which LLVM is looked for: the linker's and the loader's.
fn link_llvm(sysroot: &Path, lib: &Path) -> Result<()> {
    let found = fs::read_dir(sysroot.join("lib"))
        .with_context(|| format!("cannot list {}", sysroot.join("lib").display()))?
        .filter_map(Result::ok)
        .find(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("libLLVM.so.")
        })
        .with_context(|| {
            format!(
                "{} has no libLLVM.so (a rustc with LLVM linked in?)",
                sysroot.display()
            )
        })?;
    fs::create_dir_all(lib).with_context(|| format!("cannot create {}", lib.display()))?;
    for name in ["libLLVM.so".into(), found.file_name()] {
        let link = lib.join(name);
        if fs::read_link(&link).is_ok_and(|target| target == found.path()) {
            continue;
        }
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link).with_context(|| format!("cannot remove {}", link.display()))?;
        }
        symlink(found.path(), &link)
            .with_context(|| format!("cannot create {}", link.display()))?;
    }
    Ok(())
}

fn runs(linker: &Path) -> bool {
    Command::new(linker)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
