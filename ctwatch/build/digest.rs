//! What the kernel object was compiled from, as lines of text: `cargo xtask bpf` writes them beside the object; the
//! build, and a test, compare them with the sources. Included by path in build.rs, in that test and in xtask, since
//! xtask must work when ctwatch does not build.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The object and its digest, in ctwatch's package.
pub(crate) const OBJECT: &str = "bpf/ctwatch.x86_64.bpf.o";
pub(crate) const DIGEST: &str = "bpf/ctwatch.x86_64.bpf.digest";

/// What the object is compiled from, in the repository; of a directory, the Rust sources below it.
pub(crate) const SOURCES: [&str; 5] = [
    "ctwatch-common/Cargo.toml",
    "ctwatch-common/src",
    "ctwatch-ebpf/Cargo.toml",
    "ctwatch-ebpf/src",
    "ctwatch-ebpf/toolchain.toml",
];
pub(crate) const LOCK: &str = "Cargo.lock";

/// The repository around a package, unless the package lies alone (a published one does).
pub(crate) fn repository(package: &Path) -> Option<&Path> {
    package
        .parent()
        .filter(|root| root.join("ctwatch-ebpf/Cargo.toml").is_file())
}

/// Whether the object in `package` is the one that its digest was written for and, where the sources are at hand,
/// whether it belongs to them. The error is one line and names the command to run.
pub(crate) fn verify(package: &Path) -> Result<(), String> {
    let text = String::from_utf8_lossy(&read(&package.join(DIGEST))?).into_owned();
    let recorded: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    if !recorded.contains(&object_line(&read(&package.join(OBJECT))?)) {
        return Err(stale(&format!(
            "{OBJECT} is not the file that {DIGEST} was written for"
        )));
    }
    let Some(root) = repository(package) else {
        return Ok(());
    };
    let of_kind = |kind: &str| {
        recorded
            .iter()
            .filter(|line| line.starts_with(kind))
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let sources = source_lines(root)?;
    if let Some(line) = of_kind("source ").symmetric_difference(&sources).next() {
        return Err(stale(&format!(
            "{} is not what it was compiled from",
            second_word(line)
        )));
    }
    if let Some(line) = of_kind("dependency ")
        .difference(&dependency_lines(root)?)
        .next()
    {
        return Err(stale(&format!(
            "{LOCK} locks another {} than it was compiled with",
            second_word(line)
        )));
    }
    Ok(())
}

/// The line for the object itself.
pub(crate) fn object_line(object: &[u8]) -> String {
    format!("object {}", sha256(object))
}

/// A line for each source file, whichever way a checkout ends its lines.
pub(crate) fn source_lines(root: &Path) -> Result<BTreeSet<String>, String> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    let line = |file: &PathBuf| {
        let text = String::from_utf8_lossy(&read(file)?).replace("\r\n", "\n");
        let name = file
            .strip_prefix(root)
            .unwrap_or(file)
            .to_string_lossy()
            .replace('\\', "/");
        Ok(format!("source {name} {}", sha256(text.as_bytes())))
    };
    files.iter().map(line).collect()
}

/// A line for each package that the lock file takes from a registry, the kernel side's among them. That their names
/// and versions are still there is enough: a new one comes with a changed manifest or a changed version.
pub(crate) fn dependency_lines(root: &Path) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let text = String::from_utf8_lossy(&read(&root.join(LOCK))?).into_owned();
    let lock: Lock =
        toml::from_str(&text).map_err(|error| format!("{LOCK} is not a lock file: {error}"))?;
    let line = |package: Package| {
        package
            .checksum
            .map(|checksum| format!("dependency {} {} {checksum}", package.name, package.version))
    };
    Ok(lock.package.into_iter().filter_map(line).collect())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let failed = |error| format!("cannot list {}: {error}", path.display());
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "rs") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| stale(&format!("cannot read {}: {error}", path.display())))
}

fn stale(what: &str) -> String {
    format!(
        "the kernel object does not belong to its sources: {what}; run `cargo xtask bpf` and commit ctwatch/bpf"
    )
}

fn second_word(line: &str) -> &str {
    line.split(' ').nth(1).unwrap_or(line)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
