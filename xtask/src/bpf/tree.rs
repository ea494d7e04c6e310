//! Where things lie in the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::digest;

/// The architecture whose kernel the object is for: its kprobe arguments lie in that architecture's `pt_regs`.
pub(super) const ARCH: &str = "x86_64";

/// The repository.
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The repository that this xtask belongs to.
    pub(super) fn find() -> Result<Self> {
        // cargo sets it for `cargo run`; a binary started by hand knows where it was built.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .parent()
            .context("xtask has no directory above it")?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The pinned compiler and linker.
    pub(super) fn pins(&self) -> PathBuf {
        self.root.join("ctwatch-ebpf/toolchain.toml")
    }

    /// The package that embeds the object: there it lies, so that a published crate carries it.
    pub(super) fn package(&self) -> PathBuf {
        self.root.join("ctwatch")
    }

    /// The object that is checked in.
    pub(super) fn object(&self) -> PathBuf {
        self.package().join(digest::OBJECT)
    }

    /// What that object was compiled from.
    pub(super) fn digest(&self) -> PathBuf {
        self.package().join(digest::DIGEST)
    }

    /// cargo's target directory for the kernel side: other flags than the host's, so a directory of its own.
    pub(super) fn target(&self) -> PathBuf {
        self.root.join("target/bpf")
    }

    /// A path as messages show it.
    pub(super) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
