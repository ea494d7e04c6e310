//! Kernel modules: unpacked, indexed, put into an image, and the few that boot needs in order.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::host;

/// What must be loaded before the root file system and the output ports are there.
const BOOT: &[&str] = &["virtio_pci", "virtio_blk", "virtio_console", "ext4"];

/// Makes `modules.ext4` and `boot/` in `at` from the unpacked packages below `root`.
pub(super) fn prepare(root: &Path, release: &str, at: &Path) -> Result<()> {
    let tree = root.join("usr/lib/modules").join(release);
    decompress(&tree)?;
    // Packages leave this to their postinst.
    host::run(host::command("depmod").arg("-b").arg(root).arg(release))?;
    let index = fs::read_to_string(tree.join("modules.dep")).context("cannot read modules.dep")?;
    let builtin =
        fs::read_to_string(tree.join("modules.builtin")).context("cannot read modules.builtin")?;
    fs::create_dir(at.join("boot"))?;
    for (place, module) in load_order(&index, &builtin, BOOT)?.iter().enumerate() {
        let name = Path::new(module)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        fs::copy(
            tree.join(module),
            at.join("boot").join(format!("{place:02}-{name}")),
        )
        .with_context(|| format!("cannot copy {module}"))?;
    }
    let image = at.join("modules.ext4");
    host::run(
        host::command("mke2fs")
            .args(["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d"])
            .arg(root.join("usr/lib/modules"))
            .arg(&image)
            .arg("768M"),
    )
    .map(drop)
}

/// Newer kernels ship `.ko.xz`; unpacked once here they load faster under emulation.
fn decompress(tree: &Path) -> Result<()> {
    for (extension, program, options) in [
        ("xz", "xz", &["-d"][..]),
        ("zst", "zstd", &["-d", "-q", "--rm"]),
    ] {
        let mut found = Vec::new();
        find(tree, extension, &mut found)?;
        for some in found.chunks(256) {
            host::run(host::command(program).args(options).args(some))?;
        }
    }
    Ok(())
}

fn find(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find(&entry.path(), extension, found)?;
        } else if entry.path().extension().is_some_and(|is| is == extension) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Files to insert, dependencies first, each once. A built-in module needs none.
fn load_order(index: &str, builtin: &str, wanted: &[&str]) -> Result<Vec<String>> {
    // "path/a.ko: path/b.ko path/c.ko", where c.ko has to be loaded before b.ko.
    let lines: HashMap<String, (&str, &str)> = index
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(path, needs)| (module_name(path), (path, needs)))
        .collect();
    let mut order: Vec<String> = Vec::new();
    for module in wanted {
        let Some((path, needs)) = lines.get(*module) else {
            if builtin.lines().any(|path| module_name(path) == *module) {
                continue;
            }
            bail!("this kernel has no {module}, without which the laboratory cannot boot it");
        };
        for file in needs.split_whitespace().rev().chain([*path]) {
            if !order.iter().any(|known| known == file) {
                order.push(file.to_owned());
            }
        }
    }
    Ok(order)
}

fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn dependencies_come_first_and_once() {
        let index = "k/virtio-pci.ko: k/legacy.ko k/virtio_ring.ko k/virtio.ko\n\
                     k/virtio_blk.ko: k/virtio_ring.ko k/virtio.ko\n\
                     k/virtio.ko:\n";
        let order = load_order(
            index,
            "k/fs/ext4.ko\n",
            &["virtio_pci", "virtio_blk", "ext4"],
        )
        .unwrap();
        assert_eq!(
            order,
            [
                "k/virtio.ko",
                "k/virtio_ring.ko",
                "k/legacy.ko",
                "k/virtio-pci.ko",
                "k/virtio_blk.ko"
            ]
        );
    }

    #[test]
    fn a_kernel_without_a_boot_module_is_named() {
        let error = load_order("", "", &["virtio_blk"]).unwrap_err();
        assert!(error.to_string().contains("virtio_blk"));
    }
}
