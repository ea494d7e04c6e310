//! ctwatch in the background.

use std::{
    fs,
    io::ErrorKind,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A hook is listed here once it is armed.
const KPROBES: &str = "/sys/kernel/debug/kprobes/list";
/// Attaching takes some seconds of a clock that counts instructions.
const PATIENCE: Duration = Duration::from_secs(120);
/// After this time the first dump is over.
const SETTLED: Duration = Duration::from_secs(5);

/// `ctwatch record`, attached.
pub(crate) struct Recorder(Child);

impl Recorder {
    /// With these options.
    pub(crate) fn start(options: &[&str], file: &str) -> Result<Self> {
        // One of an earlier recorder would be taken for this one's.
        if fs::exists(file)? {
            fs::remove_file(file)?;
        }
        let mut child = Command::new("ctwatch")
            .args(["record", "-d", "1d", "-f", file, "--force"])
            .args(options)
            .spawn()
            .context("cannot run ctwatch")?;
        let started = Instant::now();
        // It makes the file when everything is attached.
        while !fs::exists(file)? {
            if let Some(status) = child.try_wait()? {
                bail!("ctwatch ended with {status}");
            }
            if started.elapsed() > PATIENCE {
                bail!("ctwatch has attached nothing after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(100));
        }
        eprintln!("attached after {:?}, {} hooks", started.elapsed(), hooks()?);
        thread::sleep(SETTLED);
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id() as i32)
    }

    /// Ends the recording in order.
    pub(crate) fn end(mut self) -> Result<()> {
        kill(self.pid(), Signal::SIGTERM)?;
        let status = self.0.wait()?;
        if !status.success() {
            bail!("ctwatch ended with {status}");
        }
        if hooks()? != 0 {
            bail!("hooks are left behind");
        }
        Ok(())
    }
}

/// 0 also where the kernel has no kprobes.
fn hooks() -> Result<usize> {
    match fs::read_to_string(KPROBES) {
        Ok(list) => Ok(list.lines().count()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("cannot read {KPROBES}")),
    }
}
