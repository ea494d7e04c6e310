//! `ctwatch drops`, run as a user runs it.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    rc::Rc,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{check::equal, source};

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `ctwatch drops -o json`; dropped, it is killed.
pub(crate) struct Drops {
    child: Child,
    dir: Rc<TempDir>,
    /// The way to attach that was asked for.
    way: Option<String>,
}

/// What it printed.
pub(crate) struct Shown {
    /// Events, in order.
    pub(crate) events: Vec<Value>,
    /// The last object.
    pub(crate) summary: Value,
    dir: Rc<TempDir>,
}

impl Drops {
    /// Starts it and returns when it watches. It may write packets to [`Shown::packets`] where `with_packets`.
    pub(crate) fn start(options: &[&str], with_packets: bool) -> Result<Self> {
        let dir = Rc::new(TempDir::new().context("no directory for drops")?);
        let file = |name| File::create(dir.path().join(name));
        let asked = source::asked(options);
        let mut command = Command::new("ctwatch");
        command
            .args(["drops", "-v", "-o", "json"])
            .args(&asked)
            .args(options);
        if with_packets {
            command.arg("--pcap").arg(dir.path().join(PACKETS));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("said")?)
            .spawn()
            .context("cannot run ctwatch")?;
        let way = asked.into_iter().nth(1);
        let mut drops = Self { child, dir, way };
        let began = Instant::now();
        // The last that -v tells of what is attached.
        while !drops.said().contains("maps take ") {
            if let Some(status) = drops.child.try_wait()? {
                bail!("ctwatch drops {status}: {}", drops.said().trim());
            }
            if began.elapsed() > PATIENCE {
                bail!("ctwatch drops does not begin: {}", drops.said().trim());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(drops)
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn send(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// Waits until it has told what had happened.
    pub(crate) fn catches_up(&self) -> Result<()> {
        let told = || anyhow::Ok(fs::metadata(self.dir.path().join("out"))?.len());
        let deadline = Instant::now() + PATIENCE;
        let mut before = 0;
        while Instant::now() < deadline {
            let now = told()?;
            if now > 0 && now == before {
                return Ok(());
            }
            before = now;
            sleep(Duration::from_secs(1));
        }
        bail!("ctwatch drops tells nothing, or has no end: {before} bytes")
    }

    /// Waits for its end, as long as that may take.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("ctwatch drops does not end: {}", self.said().trim());
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as Ctrl-C does; what happened until now is shown.
    pub(crate) fn stop(self) -> Result<Shown> {
        self.send(Signal::SIGINT)?;
        self.ended()
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(mut self) -> Result<Shown> {
        let status = self.wait()?;
        if !status.success() {
            bail!("ctwatch drops ended with {status}: {}", self.said().trim());
        }
        let text = fs::read_to_string(self.dir.path().join("out"))?;
        let lines = text.lines().map(serde_json::from_str);
        let mut events: Vec<Value> = lines.collect::<serde_json::Result<_>>()?;
        let last = events.pop().context("ctwatch drops printed nothing")?;
        let summary = last.get("summary").context("no summary")?.clone();
        if let Some(way) = &self.way {
            equal("backend", summary["backend"].as_str(), Some(way.as_str()))?;
        }
        Ok(Shown {
            events,
            summary,
            dir: Rc::clone(&self.dir),
        })
    }

    /// What it said on standard error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("said")).unwrap_or_default()
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PACKETS: &str = "packets.pcapng";

impl Shown {
    /// The file of packets.
    pub(crate) fn packets(&self) -> PathBuf {
        self.dir.path().join(PACKETS)
    }

    /// Events of a reason.
    pub(crate) fn of(&self, reason: &str) -> Vec<&Value> {
        let events = self.events.iter();
        events.filter(|event| event["reason"] == reason).collect()
    }

    /// A number of the summary.
    pub(crate) fn figure(&self, name: &str) -> Result<i64> {
        let value = self.summary[name].as_i64();
        value.with_context(|| format!("no {name} in {}", self.summary))
    }

    /// How often a reason was counted.
    pub(crate) fn counted(&self, reason: &str) -> i64 {
        let rows = self.summary["reasons"].as_array().into_iter().flatten();
        let mut counted = rows.filter(|row| row["reason"] == reason);
        counted
            .next()
            .and_then(|row| row["counted"].as_i64())
            .unwrap_or(0)
    }

    /// All was shown that happened.
    pub(crate) fn lost_nothing(&self) -> Result<()> {
        for name in ["suppressed", "lost", "left_out"] {
            let lost = self.figure(name)?;
            if lost != 0 {
                bail!("{name}: {lost}");
            }
        }
        Ok(())
    }
}
