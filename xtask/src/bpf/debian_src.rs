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
        unpack(suite, rustc, &sources)?;
    }
    if !library.is_dir() {
        bail!(
            "Debian's package rust-src has no usr/src/rustc-{}/library",
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

fn unpack(suite: &str, rustc: &Rustc, sources: &Path) -> Result<()> {
    eprintln!("fetching rust-src {} from Debian's {suite}", rustc.release);
    let packages = cache::directory()?.join("rust-src-package");
    for stale in [sources, &packages] {
        remove(stale)?;
    }
    let archive = Archive::update(cache::directory()?.join("apt"), &[suite])?;
    let versions = archive.versions("rust-src")?;
    let Some(version) = version(&versions, &rustc.release) else {
        bail!(
            "Debian's {suite} has rust-src {} only",
            versions.join(" and ")
        );
    };
    let found = archive.download(&[format!("rust-src={version}")], &packages)?;
    let package = found
        .first()
        .with_context(|| format!("apt-get downloaded no rust-src {version}"))?;
    fs::create_dir_all(sources).with_context(|| format!("cannot create {}", sources.display()))?;
    apt::unpack(package, sources)?;
    remove(&packages)
}

/// The Debian version of an upstream release: `1.95.0+dfsg1-1~bpo13+1` is one of 1.95.0.
fn version<'a>(versions: &'a [String], release: &str) -> Option<&'a String> {
    versions.iter().find(|version| {
        let rest = version.strip_prefix(release);
        rest.is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_ascii_digit() || next == '.')
        })
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_exactly_this_rustc_is_taken() {
        let versions = ["1.96.1+dfsg1-1", "1.95.01-1", "1.95.0+dfsg1-1~bpo13+1"].map(str::to_owned);
        assert_eq!(
            version(&versions, "1.95.0").map(String::as_str),
            Some("1.95.0+dfsg1-1~bpo13+1")
        );
        assert_eq!(version(&versions, "1.94.0"), None);
    }
}
