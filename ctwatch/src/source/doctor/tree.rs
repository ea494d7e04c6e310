//! Files below a root directory: the running system's, or a tree that was recorded of another node.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::model::doctor::Told;

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
        told(fs::read(self.path(path)))
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

fn told<T>(result: io::Result<T>) -> Told<T> {
    match result {
        Ok(value) => Told::Value(value),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Told::Absent
        }
        Err(error) => Told::Hidden(error.to_string()),
    }
}
