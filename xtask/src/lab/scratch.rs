//! The directory of one run, and those of runs that were killed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

const PREFIX: &str = "ctwatch-lab-";

/// A directory of its own for this run, removed when dropped.
pub(super) fn directory() -> Result<TempDir> {
    let home = std::env::temp_dir();
    sweep(&home, |pid| Path::new("/proc").join(pid).exists());
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir_in(&home)
        .with_context(|| {
            format!(
                "cannot create a directory in {} (set TMPDIR)",
                home.display()
            )
        })
}

/// Removes directories whose process is gone: a run that was killed could not.
fn sweep(home: &Path, alive: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(home) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        if pid.is_some_and(|(pid, _)| !alive(pid)) {
            // Another user's stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn only_what_dead_runs_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "ctwatch-lab-7-aa",
            "ctwatch-lab-8-bb",
            "ctwatch-lab-",
            "other-7-cc",
        ] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        sweep(dir.path(), |pid| pid == "8");
        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["ctwatch-lab-", "ctwatch-lab-8-bb", "other-7-cc"]);
    }
}
