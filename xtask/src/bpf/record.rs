//! Writes the object and, beside it, what it was compiled from.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result};

use super::command::{cargo, output};
use super::digest;
use super::pins::Pins;
use super::tree::Tree;

/// Checks the object in. The digest comes last: an interrupted run leaves an object that the build refuses.
pub(super) fn write(tree: &Tree, pins: &Pins, object: &[u8]) -> Result<()> {
    let compiled = compiled_packages(tree, pins)?;
    let text = text(tree.root(), &compiled, object)?;
    write_file(&tree.object(), object)?;
    write_file(&tree.digest(), text.as_bytes())?;
    digest::verify(&tree.package()).map_err(Error::msg)
}

/// The digest of `object`: itself, its sources, and those locked packages that the kernel side is compiled from.
fn text(root: &Path, compiled: &BTreeSet<String>, object: &[u8]) -> Result<String> {
    let is_compiled = |line: &String| {
        compiled
            .iter()
            .any(|package| line.starts_with(&format!("dependency {package} ")))
    };
    let mut lines = vec![digest::object_line(object)];
    lines.extend(digest::source_lines(root).map_err(Error::msg)?);
    lines.extend(
        digest::dependency_lines(root)
            .map_err(Error::msg)?
            .into_iter()
            .filter(is_compiled),
    );
    let head = "# What the kernel object beside this file was compiled from; `cargo xtask bpf` writes both.";
    Ok(format!("{head}\n{}\n", lines.join("\n")))
}

/// Name and version of each package whose code, or whose macros, the kernel side is compiled from. Build scripts are
/// left out: they share packages with the userspace, whose updates must not ask for a new object.
fn compiled_packages(tree: &Tree, pins: &Pins) -> Result<BTreeSet<String>> {
    let listed = output(
        cargo()
            .args([
                "tree",
                "--locked",
                "--package",
                "ctwatch-ebpf",
                "--edges",
                "normal",
                "--prefix",
                "none",
            ])
            .args([
                "--no-dedupe",
                "--format",
                "{p}",
                "--target",
                &pins.object.target,
            ])
            .current_dir(tree.root()),
    )?;
    let package = |line: &str| {
        let mut words = line.split(' ');
        Some(format!(
            "{} {}",
            words.next()?,
            words.next()?.strip_prefix('v')?
        ))
    };
    Ok(listed.lines().filter_map(package).collect())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
