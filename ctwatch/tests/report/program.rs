//! Runs the program on recordings in a directory of their own.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use ctwatch::{model::recording::Recording, recording::Writer};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

/// What the program said.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a recording; one without an end keeps its log, as if its recorder had been killed.
    pub(crate) fn record(&self, name: &str, recording: &Recording) -> PathBuf {
        let path = self.path(name);
        let mut writer = Writer::create(&path, false, &recording.header, &recording.node).unwrap();
        for sample in &recording.samples {
            writer.sample(sample).unwrap();
        }
        for dump in &recording.dumps {
            writer.dump(dump).unwrap();
        }
        writer.lifetimes(&recording.lifetimes).unwrap();
        writer.events(&recording.events).unwrap();
        for gap in &recording.gaps {
            writer.gap(gap).unwrap();
        }
        match (&recording.ledger, recording.ended_ms) {
            (Some(ledger), Some(ended_ms)) => writer.finish(ended_ms, ledger).unwrap(),
            // No destructor closes the database in a recorder that is killed.
            _ => std::mem::forget(writer),
        }
        path
    }

    /// A copy of the program where anybody may run it. `cp` makes it: a file that this process had open for
    /// writing could be found busy, held by a child that another test is just starting.
    pub(crate) fn program_for_anybody(&self) -> PathBuf {
        let program = self.path("ctwatch");
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_ctwatch")).arg(&program);
        assert!(copy.status().unwrap().success());
        program
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctwatch"));
        command
            .current_dir(self.directory.path())
            .env_remove("NO_COLOR")
            .arg("report");
        command
    }

    pub(crate) fn report(&self, arguments: &[&str]) -> Said {
        self.command().args(arguments).output().unwrap().into()
    }
}
