//! The initramfs: busybox, the modules that boot needs, and a short script.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::cpio::Archive;

/// Writes an initramfs to `to`.
pub(super) fn write(busybox: &Path, modules: &[PathBuf], to: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for directory in ["bin", "dev", "proc", "modules", "newroot"] {
        archive.directory(directory);
    }
    archive.console();
    archive.program("init", include_bytes!("guest/initramfs.sh"));
    archive.program("bin/busybox", &read(busybox)?);
    for module in modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.program(&format!("modules/{name}"), &read(module)?);
    }
    fs::write(to, archive.finish()).with_context(|| format!("cannot write {}", to.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
