//! What commands hold while they work, and what users without capabilities are told.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot set up its files has failed"
)]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ctwatch::recording::Writer;
use nix::unistd::Uid;
use tempfile::TempDir;

mod confined;
#[path = "../fixture/mod.rs"]
mod fixture;
mod missing;
mod recording;

/// An ordinary user.
const USER: u32 = 65_534;

/// A recording in a directory that anybody may write to, and a copy of the program that anybody may run: one without
/// privileges may not be let where the build is.
struct Place {
    directory: TempDir,
    program: PathBuf,
    recording: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("ctwatch");
        let recording = directory.path().join("ctwatch.db");
        // By `cp`: a file that this process had open for writing could be found busy.
        run(Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_ctwatch"))
            .arg(&program));
        run(Command::new("chmod").arg("755").arg(&program));
        run(Command::new("chmod").arg("777").arg(directory.path()));
        let incident = fixture::incident();
        let mut writer =
            Writer::create(&recording, false, &incident.header, &incident.node).unwrap();
        for sample in &incident.samples {
            writer.sample(sample).unwrap();
        }
        for dump in &incident.dumps {
            writer.dump(dump).unwrap();
        }
        let (ended_ms, ledger) = (incident.ended_ms.unwrap(), incident.ledger.unwrap());
        writer.finish(ended_ms, &ledger).unwrap();
        Self {
            directory,
            program,
            recording,
        }
    }

    /// The program, run by a user that has none of root's rights; `setpriv` options go before.
    fn by_user(&self, options: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={USER}"), format!("--regid={USER}")])
            .arg("--clear-groups")
            .args(options)
            .arg(&self.program)
            .current_dir(self.directory.path());
        command
    }
}

/// Why a test cannot run here; said aloud, since one that did nothing looks like one that passed.
fn is_skipped(test: &str) -> bool {
    let reason = if !Uid::effective().is_root() {
        "not root"
    } else if Command::new("setpriv").arg("--version").output().is_err() {
        "setpriv is not installed"
    } else {
        return false;
    };
    skip(test, reason);
    true
}

fn skip(test: &str, reason: &str) {
    // Not by eprintln!, whose text is shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}

/// Gives the program capabilities of its own; where the file system keeps none, says so.
fn set_capabilities(program: &Path, capabilities: &str) -> bool {
    let setcap = Command::new("setcap")
        .arg(capabilities)
        .arg(program)
        .output();
    setcap.is_ok_and(|output| output.status.success())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
