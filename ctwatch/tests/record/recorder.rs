//! `ctwatch record`, run as a user runs it, where only the calling thread's namespace is to be seen.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use ctwatch::{model::recording::Recording, recording};
use tempfile::TempDir;

/// Processes and names of other namespaces are hidden: their tables are nobody's business here, and may be large.
const ALONE: [&str; 8] = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
    "! [ -d /run/netns ] || mount -t tmpfs tmpfs /run/netns; exec \"$0\" \"$@\"",
];

/// Says that recording has begun, then waits until its input is closed.
const WAIT: [&str; 4] = ["--", "sh", "-c", "echo ready; exec cat"];

/// A recording under way.
pub(crate) struct Recorder {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    said: String,
    directory: TempDir,
}

fn record(directory: &TempDir, by: &[&str], options: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(ALONE)
        .args(by)
        .arg(env!("CARGO_BIN_EXE_ctwatch"))
        .args(["record", "-i", "100ms", "-f"])
        .arg(directory.path().join("ctwatch.db"))
        .args(options);
    command
}

impl Recorder {
    /// Returns when it watches.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_by(&[], options)
    }

    /// As [`Recorder::start`], started by another program.
    pub(crate) fn start_by(by: &[&str], options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let err = File::create(directory.path().join("err")).unwrap();
        let mut child = record(&directory, by, options)
            .args(WAIT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(err)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        let recorder = Self {
            child,
            out,
            said,
            directory,
        };
        assert_eq!(recorder.said, "ready\n", "{}", recorder.err());
        recorder
    }

    /// Ends it; gives the recording and all that was said, on standard error first.
    pub(crate) fn stop(mut self) -> (Recording, String) {
        drop(self.child.stdin.take());
        let mut said = std::mem::take(&mut self.said);
        self.out.read_to_string(&mut said).unwrap();
        let status = self.child.wait().unwrap();
        let err = self.err();
        assert!(status.success(), "{err}");
        let recording = recording::open(&self.directory.path().join("ctwatch.db")).unwrap();
        (recording, err + &said)
    }

    fn err(&self) -> String {
        fs::read_to_string(self.directory.path().join("err")).unwrap()
    }
}

/// What is said by a recorder that cannot begin; no file is left.
pub(crate) fn refusal(options: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = record(&directory, &[], options).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    said
}
