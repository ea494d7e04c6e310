//! What is in the way of a recording is said before anything is done.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use ctwatch::{
    model::node::Node,
    recording::{Error, Writer, check_target},
};

use crate::killed::header;

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Looking finds what making finds, and leaves no trace.
fn refused(path: &Path, force: bool) -> Error {
    let before = names(path.parent().unwrap_or(path));
    let looked = check_target(path, force).unwrap_err();
    let made = Writer::create(path, force, &header(), &Node::default()).unwrap_err();
    assert_eq!(looked.to_string(), made.to_string());
    assert_eq!(names(path.parent().unwrap_or(path)), before);
    looked
}

#[test]
fn what_is_in_the_way_is_found_by_looking() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctwatch.db");
    check_target(&path, false).unwrap();
    assert_eq!(names(directory.path()).len(), 0);
    fs::write(&path, "mine").unwrap();
    assert!(matches!(refused(&path, false), Error::Exists { .. }));
    check_target(&path, true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert!(matches!(
        refused(directory.path(), true),
        Error::NotAFile { .. }
    ));
    let left = directory.path().join("left.db");
    fs::write(directory.path().join("left.db-wal"), "a log").unwrap();
    assert!(matches!(refused(&left, false), Error::Exists { .. }));
    check_target(&left, true).unwrap();
}

#[test]
fn a_directory_that_is_none_is_found_by_looking() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").join("ctwatch.db");
    let looked = check_target(&missing, false).unwrap_err();
    let made = Writer::create(&missing, false, &header(), &Node::default()).unwrap_err();
    assert!(matches!(looked, Error::Missing { .. }), "{looked}");
    assert_eq!(looked.to_string(), made.to_string());
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = check_target(&file.join("ctwatch.db"), false).unwrap_err();
    assert!(inside.to_string().contains("Not a directory"), "{inside}");
}

fn record(path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctwatch"));
    command.args(["record", "-d", "10ms", "-f"]).arg(path);
    command.output().unwrap()
}

/// Where attaching fails, for want of a capability or of kprobes, the file in the way is still what is reported.
#[test]
fn record_says_that_the_file_exists_before_it_attaches() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctwatch.db");
    fs::write(&path, "mine").unwrap();
    let output = record(&path);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let expected = format!(
        "ctwatch: {} exists already (--force overwrites it, -f FILE writes elsewhere)\n",
        path.display()
    );
    assert_eq!(said, expected);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}
