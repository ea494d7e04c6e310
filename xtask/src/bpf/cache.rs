//! What `cargo xtask bpf` fetches and builds, kept outside the tree and shared by all clones.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The cache's directory.
pub(super) fn directory() -> Result<PathBuf> {
    let path = match env::var_os("CTWATCH_BPF_CACHE") {
        Some(path) => PathBuf::from(path),
        None => user_cache()?.join("ctwatch-bpf"),
    };
    fs::create_dir_all(&path).with_context(|| {
        format!(
            "cannot create {} (name another directory in CTWATCH_BPF_CACHE)",
            path.display()
        )
    })?;
    Ok(path.canonicalize()?)
}

/// Keeps other runs from filling the same cache until it is dropped.
pub(super) fn lock() -> Result<File> {
    let path = directory()?.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn user_cache() -> Result<PathBuf> {
    // The XDG base directory specification: a relative path there counts as unset.
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .context("no home directory is known; name a directory in CTWATCH_BPF_CACHE")
}
