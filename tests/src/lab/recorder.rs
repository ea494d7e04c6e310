//! `ctwatch record`, run as a user runs it.

use std::{
    fs::{self, File, Permissions},
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    rc::Rc,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{check::equal, recording::Recording, source};

/// Says that recording has begun, then waits until its input is closed.
const WAIT: &[&str] = &["sh", "-c", "echo ready; exec cat"];

/// Short, unless a scenario asks for another.
const INTERVAL: &[&str] = &["-i", "200ms"];

/// The file with what it says on standard error.
const SAID: &str = "said";

/// A running `ctwatch record`; dropped, it is killed.
pub(crate) struct Recorder {
    child: Child,
    dir: Rc<TempDir>,
    /// The way to attach that was asked for.
    way: Option<String>,
}

impl Recorder {
    /// Starts `ctwatch record OPTIONS -f FILE -- CMD` and returns when CMD runs: the probes are attached then.
    pub(crate) fn start(options: &[&str]) -> Result<Self> {
        Self::start_by(&["ctwatch"], options)
    }

    /// As [`Recorder::start`], where other words than `ctwatch` begin the command.
    pub(crate) fn start_by(program: &[&str], options: &[&str]) -> Result<Self> {
        let dir = Rc::new(TempDir::new().context("no directory for the recording")?);
        // For whoever the program runs as.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777))?;
        let (first, rest) = program.split_first().context("no program")?;
        let asked = source::asked(options);
        let child = Command::new(first)
            .args(rest)
            .arg("record")
            .args(INTERVAL.iter().filter(|_| !options.contains(&"-i")))
            .args(&asked)
            .args(options)
            .arg("-f")
            .arg(dir.path().join("ctwatch.db"))
            .arg("--")
            .args(WAIT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join(SAID))?)
            .spawn()
            .context("cannot run ctwatch")?;
        let way = asked.into_iter().nth(1);
        let mut recorder = Self { child, dir, way };
        let stdout = recorder.child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line != "ready\n" {
            let status = recorder.child.wait()?;
            bail!("ctwatch record {status}: {}", recorder.said().trim());
        }
        Ok(recorder)
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where the recording is.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ctwatch.db")
    }

    /// The files that it wrote, by name.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.dir.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| name != SAID);
        names.sort();
        Ok(names)
    }

    /// What it has written so far.
    pub(crate) fn recording(&self) -> Result<Recording> {
        Recording::open(&self.file(), Rc::clone(&self.dir), self.said())
    }

    /// What it said on standard error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join(SAID)).unwrap_or_default()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<ExitStatus> {
        self.send(signal)?;
        Ok(self.child.wait()?)
    }

    /// Sends a signal.
    pub(crate) fn send(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// Ends the command, and so the recording, which must end in order, and have been made in the way that was asked for.
    pub(crate) fn stop(mut self) -> Result<Recording> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if !status.success() {
            bail!("ctwatch record ended with {status}: {}", self.said().trim());
        }
        let recording = self.recording()?;
        if let Some(way) = &self.way {
            let by = format!("SELECT backend = '{way}' FROM recording");
            equal(&format!("by {way}"), recording.number(&by)?, 1)?;
        }
        Ok(recording)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
