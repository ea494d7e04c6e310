//! A kernel that lacks something, as far as programs can see.

use std::{fs, io::Write as _};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// A copy of /proc/kallsyms without the functions of this name, split forms (`.part.0`) included.
pub(crate) fn without(function: &str) -> Result<NamedTempFile> {
    let text = fs::read_to_string("/proc/kallsyms").context("/proc/kallsyms")?;
    let mut copy = std::io::BufWriter::new(NamedTempFile::new()?);
    for line in text.lines() {
        let name = line.split_whitespace().nth(2).unwrap_or_default();
        let is_it = name.strip_prefix(function);
        if !is_it.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            writeln!(copy, "{line}")?;
        }
    }
    Ok(copy.into_inner()?)
}

/// The words that run `ctwatch` in a mount namespace of its own, where `over` lies over `path`.
pub(crate) fn hiding<'a>(path: &'a str, over: &'a str) -> Vec<&'a str> {
    const SCRIPT: &str = "mount --bind \"$1\" \"$2\" && shift 2 && exec ctwatch \"$@\"";
    vec![
        "unshare", "--mount", "--", "sh", "-c", SCRIPT, "sh", over, path,
    ]
}
