//! Where kernels and images are kept between runs, and how they get there whole.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// The laboratory's directory outside the tree.
pub(super) struct Cache {
    root: PathBuf,
}

/// Held while something is added to the cache; released when dropped.
pub(super) struct Lock(
    #[expect(dead_code, reason = "the lock lives as long as the file is open")] File,
);

impl Cache {
    /// `$CTWATCH_LAB_CACHE`, or `ctwatch-lab` below `$XDG_CACHE_HOME` or `~/.cache`.
    pub(super) fn open() -> Result<Self> {
        let root = root_from(|name| std::env::var_os(name).map(PathBuf::from)).ok_or_else(|| {
            anyhow!("no place for the laboratory's cache: set HOME or CTWATCH_LAB_CACHE to a directory")
        })?;
        fs::create_dir_all(&root).with_context(|| {
            format!(
                "cannot create {} (set CTWATCH_LAB_CACHE to a writable directory)",
                root.display()
            )
        })?;
        let root = root
            .canonicalize()
            .with_context(|| format!("cannot resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// A path below the cache.
    pub(super) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// Waits until nobody else adds to the cache.
    pub(super) fn lock(&self) -> Result<Lock> {
        let path = self.path("lock");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("lab: another run fills the cache, waiting for it");
                file.lock()
                    .with_context(|| format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        Ok(Lock(file))
    }

    /// Fills a directory beside `name` and renames it, so that a reader sees all of it or nothing.
    ///
    /// The caller holds the lock.
    pub(super) fn publish(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.path(name);
        let partial = target.with_file_name(format!(
            ".partial-{}",
            target.file_name().unwrap_or_default().to_string_lossy()
        ));
        if partial.exists() {
            fs::remove_dir_all(&partial)
                .with_context(|| format!("cannot remove {}", partial.display()))?;
        }
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        let filled = fill(&partial).and_then(|()| {
            fs::rename(&partial, &target)
                .with_context(|| format!("cannot rename to {}", target.display()))
        });
        if filled.is_err() {
            // The error that matters is the one that stopped the filling.
            let _ = fs::remove_dir_all(&partial);
        }
        filled.map(|()| target)
    }
}

fn root_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let named = |name| variable(name).filter(|path: &PathBuf| !path.as_os_str().is_empty());
    named("CTWATCH_LAB_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|base| base.join("ctwatch-lab")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/ctwatch-lab")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn the_named_cache_wins_over_xdg_and_home() {
        let all = |name: &str| Some(PathBuf::from(format!("/{name}")));
        assert_eq!(root_from(all), Some("/CTWATCH_LAB_CACHE".into()));
        let home = |name: &str| match name {
            "CTWATCH_LAB_CACHE" => Some(PathBuf::new()),
            "HOME" => Some("/home/sre".into()),
            _ => None,
        };
        assert_eq!(root_from(home), Some("/home/sre/.cache/ctwatch-lab".into()));
        assert_eq!(root_from(|_| None), None);
    }

    #[test]
    fn a_failed_download_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: dir.path().into(),
        };
        assert!(
            cache
                .publish("kernels/x", |_| Err(anyhow!("unreachable")))
                .is_err()
        );
        assert!(!cache.path("kernels/x").exists());
        let made = cache
            .publish("kernels/x", |at| Ok(fs::write(at.join("vmlinuz"), "k")?))
            .unwrap();
        assert_eq!(fs::read_to_string(made.join("vmlinuz")).unwrap(), "k");
        assert_eq!(fs::read_dir(cache.path("kernels")).unwrap().count(), 1);
    }
}
