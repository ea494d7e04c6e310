//! The library sources from Debian's package `rust-src`, for machines whose rustup cannot download.
//!
//! rustc looks for them in its own sysroot, which is not ours to change: a second toolchain is made of hard links, and
//! the sources are put there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::cache;
use super::pins::Pins;
use super::rust_src::{WithSources, present};
use super::toolchain::Rustc;
use crate::lab::apt::{self, Archive};

/// The copy of the toolchain that an earlier run made.
pub(super) fn earlier(rustc: &Rustc) -> Result<Option<WithSources>> {
    let copy = copy_of(rustc)?;
    Ok(present(&copy).then(|| with_sources(copy)))
}

/// Fetches the package and makes the copy.
pub(super) fn fetch(pins: &Pins, rustc: &Rustc) -> Result<WithSources> {
    let _lock = cache::lock()?;
    let suite = pins.pair.rust_src_suite.as_str();
    let sources = cache::directory()?.join(format!("rust-src-{}", rustc.release));
    let library = library(&sources, rustc);
    if !library.is_dir() {
        unpack(suite, &sources)?;
    }
    if !library.is_dir() {
        bail!(
            "Debian's {suite} has no rust-src {} (another version is there now)",
            rustc.release
        );
    }
    let copy = copy_of(rustc)?;
    remove(&copy)?;
    for part in ["bin", "lib"] {
        link_all(&rustc.sysroot.join(part), &copy.join(part))?;
    }
    let home = copy.join("lib/rustlib/src/rust");
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    symlink(&library, home.join("library"))
        .with_context(|| format!("cannot create a link in {}", home.display()))?;
    Ok(with_sources(copy))
}

fn unpack(suite: &str, sources: &Path) -> Result<()> {
    eprintln!("fetching rust-src from Debian's {suite}");
    let packages = cache::directory()?.join("rust-src-package");
    for stale in [sources, &packages] {
        remove(stale)?;
    }
    let archive = Archive::update(cache::directory()?.join("apt"), &[suite])?;
    let found = archive.download(&["rust-src".to_owned()], &packages)?;
    let package = found
        .first()
        .with_context(|| format!("Debian's {suite} has no package rust-src"))?;
    fs::create_dir_all(sources).with_context(|| format!("cannot create {}", sources.display()))?;
    apt::unpack(package, sources)?;
    remove(&packages)
}

/// Where the package has the sources; the name tells their version.
fn library(sources: &Path, rustc: &Rustc) -> PathBuf {
    sources.join(format!("usr/src/rustc-{}/library", rustc.release))
}

fn copy_of(rustc: &Rustc) -> Result<PathBuf> {
    Ok(cache::directory()?.join(format!("rustc-{}-{}", rustc.release, rustc.host)))
}

fn with_sources(copy: PathBuf) -> WithSources {
    WithSources {
        program: copy.join("bin/rustc"),
        sysroot: copy,
    }
}

/// Copies a tree by hard links; file by file where the cache lies on another file system.
fn link_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}
