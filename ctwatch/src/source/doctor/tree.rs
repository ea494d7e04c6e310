//! Files below a root directory: the running system's, or a tree that was recorded of another node.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::model::doctor::Told;

/// More than any file that is read holds; /proc/kallsyms is the largest.
const LIMIT: u64 = 64 << 20;

/// A root directory.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Whether it is the running system's.
    pub(super) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// A path below the root.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's bytes.
    pub(super) fn bytes(&self, path: &str) -> Told<Vec<u8>> {
        told(read(&self.path(path)))
    }

    /// A file's text without the line end.
    pub(super) fn text(&self, path: &str) -> Told<String> {
        self.bytes(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// A file's one value.
    pub(super) fn value<T: FromStr>(&self, path: &str) -> Told<T> {
        match self.text(path) {
            Told::Value(text) => match text.trim().parse() {
                Ok(value) => Told::Value(value),
                Err(_) => Told::Hidden(format!("{text:?} is not what is expected there")),
            },
            Told::Absent => Told::Absent,
            Told::Hidden(reason) => Told::Hidden(reason),
        }
    }

    /// Whether there is something of that name.
    pub(super) fn there(&self, path: &str) -> Told<()> {
        told(fs::symlink_metadata(self.path(path)).map(drop))
    }

    /// Names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Told<Vec<String>> {
        let names = fs::read_dir(self.path(path)).and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()
        });
        told(names).map(|mut names| {
            names.sort();
            names
        })
    }
}

/// Of a regular file alone: a process of any user may name a file that is to be read, and it shall not be one that
/// never ends, or waits.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn told<T>(result: io::Result<T>) -> Told<T> {
    match result {
        Ok(value) => Told::Value(value),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Told::Absent
        }
        Err(error) => Told::Hidden(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let tree = Tree::new(Path::new("/"));
        assert_eq!(
            tree.bytes("/dev/zero"),
            Told::Hidden("not a regular file".to_owned())
        );
        assert_eq!(tree.bytes("/dev/zero/x"), Told::Absent);
    }

    #[test]
    fn a_missing_file_and_a_strange_one_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("max"), "many\n").unwrap();
        let tree = Tree::new(root.path());
        assert_eq!(tree.value::<u64>("/min"), Told::Absent);
        assert!(matches!(tree.value::<u64>("/max"), Told::Hidden(_)));
        assert_eq!(tree.text("/max"), Told::Value("many".to_owned()));
    }
}
