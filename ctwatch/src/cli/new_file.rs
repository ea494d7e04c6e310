//! A file that a command writes: in the way of nobody's.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Error, Result, anyhow, bail};
use nix::{
    fcntl::{AT_FDCWD, AtFlags},
    unistd::{AccessFlags, faccessat},
};

/// Where it is to be.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    force: bool,
    /// The option that names it.
    option: &'static str,
}

impl NewFile {
    /// A file that `option` names; with `force` in place of what is there.
    pub(super) fn new(path: &Path, force: bool, option: &'static str) -> Self {
        Self {
            // Behind a symbolic link: what it points to is replaced.
            path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            force,
            option,
        }
    }

    /// Whether it can be made, as far as looking tells; nothing is written.
    pub(super) fn check(&self) -> Result<()> {
        let (path, option) = (self.path.display(), self.option);
        match fs::symlink_metadata(&self.path) {
            Ok(_) if !self.force => {
                bail!(
                    "{path} exists already (--force overwrites it, {option} FILE writes elsewhere)"
                )
            }
            Ok(metadata) if !metadata.is_file() => {
                bail!("{path} is no regular file ({option} FILE names one)")
            }
            _ => {}
        }
        let parent = self.path.parent().filter(|path| *path != Path::new(""));
        // With a dot, a file in the place of the directory is told as such.
        let directory = parent.unwrap_or(Path::new(".")).join(".");
        let needed = AccessFlags::W_OK | AccessFlags::X_OK;
        faccessat(AT_FDCWD, &directory, needed, AtFlags::AT_EACCESS)
            .map_err(|errno| self.cannot("create", &errno.into()))
    }

    /// Makes it, empty.
    pub(super) fn create(&self) -> Result<File> {
        self.check()?;
        if self.force {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.cannot("overwrite", &error));
                }
                _ => {}
            }
        }
        File::create_new(&self.path).map_err(|error| self.cannot("create", &error))
    }

    /// What to say when `action` fails.
    pub(super) fn cannot(&self, action: &str, reason: &io::Error) -> Error {
        let (path, option) = (self.path.display(), self.option);
        anyhow!("cannot {action} {path}: {reason} ({option} FILE writes elsewhere)")
    }
}

impl fmt::Display for NewFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that cannot set up its files has failed"
    )]

    use super::*;

    fn file(path: &Path, force: bool) -> NewFile {
        NewFile::new(path, force, "--out")
    }

    #[test]
    fn what_is_there_is_replaced_only_by_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        file(&path, false).check().unwrap();
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        for error in [
            file(&path, false).check().unwrap_err(),
            file(&path, false).create().unwrap_err(),
        ] {
            let said = format!("{error:#}");
            assert!(
                said.contains("exists already (--force overwrites it, --out"),
                "{said}"
            );
        }
        file(&path, true).check().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        file(&path, true).create().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_directory_is_neither_made_nor_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let error = file(directory.path(), true).check().unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        let missing = directory.path().join("missing").join("out");
        let error = file(&missing, false).check().unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("No such file or directory"), "{said}");
    }
}
