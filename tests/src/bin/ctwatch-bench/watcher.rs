//! Programs that watch conntrack in the background while its users are measured.

use std::{
    fs::{self, File},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::programs;

/// Where their words go.
const WORDS: &str = "/tmp/watcher.stderr";
const RECORDING: &str = "/tmp/bench.db";
const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";
/// bpftrace compiles for tens of seconds of a clock that counts instructions.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(100);
/// After this time a reader listens, and a first dump is over.
const SETTLED: Duration = Duration::from_secs(5);

/// Endpoints as one liners count them: by destination port.
macro_rules! bpftrace {
    ($probe:literal, $skb:literal) => {
        &[
            "bpftrace",
            "-e",
            concat!(
                $probe,
                " { $ct = (struct nf_conn *)(",
                $skb,
                "->_nfct & 0xfffffffffffffff8); @[$ct->tuplehash[0].tuple.dst.u.all] = count(); }"
            ),
        ]
    };
}

/// ctwatch by its hooks. It is the recorder as it is: events matter only when the table is full.
pub(crate) const PROBES: [Watcher<'static>; 2] = [
    record("ctwatch, fentry", "fentry"),
    record("ctwatch, kprobe", "kprobe"),
];

/// Once a table fills up it hooks more than `record` of what each new connection passes.
const DROPS: [Watcher<'static>; 2] = [
    drops("ctwatch drops, fentry", "fentry"),
    drops("ctwatch drops, kprobe", "kprobe"),
];

/// `drops`, what listens to conntrack's events, and what else there is.
pub(crate) const OTHERS: [Watcher<'static>; 8] = [
    DROPS[0],
    DROPS[1],
    Watcher {
        messages: Some(2),
        ..record("ctwatch, events", "netlink")
    },
    Watcher {
        messages: Some(0),
        silenced: true,
        ..record("ctwatch, dumps", "netlink")
    },
    listener("conntrack -E -e NEW", &["conntrack", "-E", "-e", "NEW"], 1),
    listener("conntrack -E", &["conntrack", "-E"], 2),
    one_liner(
        "bpftrace, kprobe",
        bpftrace!("kprobe:__nf_conntrack_confirm", "((struct sk_buff *)arg0)"),
    ),
    one_liner(
        "bpftrace, kfunc",
        bpftrace!("kfunc:nf_conntrack:__nf_conntrack_confirm", "args->skb"),
    ),
];

/// What is measured at a full table: `record`, which keeps some of its events, and `drops`, which prints them.
pub(crate) const FULL: [Watcher<'static>; 4] = [PROBES[0], DROPS[0], PROBES[1], DROPS[1]];

/// A program, and how it is known to watch.
#[derive(Clone, Copy)]
pub(crate) struct Watcher<'a> {
    pub(crate) name: &'static str,
    words: &'a [&'a str],
    /// An argument more: what ctwatch watches by.
    source: Option<&'static str>,
    ready: Ready<'a>,
    /// Messages of ctnetlink that a flow makes for it, if it reads any.
    pub(crate) messages: Option<u64>,
    /// While the kernel makes no such messages.
    silenced: bool,
    /// It reads events of ctwatch's own as they come, so that its CPU time goes with them.
    pub(crate) streams: bool,
}

/// What shows that a program watches.
#[derive(Clone, Copy)]
enum Ready<'a> {
    /// It makes its recording when everything is attached.
    File(&'a str),
    /// Programs are in the kernel that were not there.
    Programs,
    /// Nothing but time.
    Time,
}

const fn record(name: &'static str, source: &'static str) -> Watcher<'static> {
    Watcher {
        words: &[
            "ctwatch", "record", "-d", "1d", "-f", RECORDING, "--force", "-i", "10s", "--source",
        ],
        source: Some(source),
        ..Watcher::new(name, Ready::File(RECORDING))
    }
}

const fn drops(name: &'static str, source: &'static str) -> Watcher<'static> {
    Watcher {
        words: &["ctwatch", "drops", "-d", "1d", "--source"],
        source: Some(source),
        streams: true,
        ..Watcher::new(name, Ready::Programs)
    }
}

const fn listener(
    name: &'static str,
    words: &'static [&'static str],
    messages: u64,
) -> Watcher<'static> {
    Watcher {
        words,
        messages: Some(messages),
        ..Watcher::new(name, Ready::Time)
    }
}

const fn one_liner(name: &'static str, words: &'static [&'static str]) -> Watcher<'static> {
    Watcher {
        words,
        ..Watcher::new(name, Ready::Programs)
    }
}

/// Whether it runs.
pub(crate) enum Started {
    Yes(Running),
    /// What it says of the reason.
    No(String),
}

impl<'a> Watcher<'a> {
    /// No words yet.
    const fn new(name: &'static str, ready: Ready<'a>) -> Self {
        Self {
            name,
            words: &[],
            source: None,
            ready,
            messages: None,
            silenced: false,
            streams: false,
        }
    }

    /// `ctwatch record`, which makes this file.
    pub(crate) const fn that_makes(file: &'a str, words: &'a [&'a str]) -> Self {
        Self {
            words,
            ..Self::new("ctwatch record", Ready::File(file))
        }
    }

    /// Starts it; this kernel or this build may not have what it needs.
    pub(crate) fn start(&self) -> Result<Started> {
        // One of an earlier recorder would be taken for this one's.
        if let Ready::File(file) = self.ready
            && fs::exists(file)?
        {
            fs::remove_file(file)?;
        }
        let programs = programs::count()?;
        let events = self.silenced.then(silence).transpose()?;
        let mut child = self.spawn()?;
        let started = Instant::now();
        while !self.is_ready(programs)? {
            if let Some(status) = child.try_wait()? {
                return Ok(Started::No(reason(status)?));
            }
            if started.elapsed() > PATIENCE {
                bail!("{}: not ready after {PATIENCE:?}", self.name);
            }
            thread::sleep(LOOK);
        }
        thread::sleep(SETTLED);
        if let Some(status) = child.try_wait()? {
            return Ok(Started::No(reason(status)?));
        }
        Ok(Started::Yes(Running {
            name: self.name,
            child,
            programs,
            events,
        }))
    }

    /// Its output goes nowhere, as cheaply as can be.
    fn spawn(&self) -> Result<Child> {
        let [program, arguments @ ..] = self.words else {
            bail!("{}: no program", self.name);
        };
        Command::new(program)
            .args(arguments)
            .args(self.source)
            .stdout(Stdio::null())
            .stderr(File::create(WORDS)?)
            .spawn()
            .with_context(|| format!("cannot run {program}"))
    }

    fn is_ready(&self, programs: usize) -> Result<bool> {
        Ok(match self.ready {
            Ready::File(file) => fs::exists(file)?,
            Ready::Programs => programs::count()? > programs,
            Ready::Time => true,
        })
    }
}

/// Switches conntrack's events off, and yields what was set.
fn silence() -> Result<String> {
    let before = fs::read_to_string(EVENTS).with_context(|| format!("cannot read {EVENTS}"))?;
    fs::write(EVENTS, "0").with_context(|| format!("cannot write {EVENTS}"))?;
    Ok(before)
}

/// Why a program ended at once: its line of an error.
fn reason(status: ExitStatus) -> Result<String> {
    let text = fs::read_to_string(WORDS)?;
    let error = text.lines().find_map(|line| {
        line.strip_prefix("error: ")
            .or_else(|| line.strip_prefix("ERROR: "))
    });
    Ok(error.map_or_else(|| format!("it ended with {status}"), str::to_owned))
}

/// A program that watches.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    /// Kernel programs that were there before.
    programs: usize,
    /// How events were set before.
    events: Option<String>,
}

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Restores what [`silence`] changed.
    fn restore(&self) -> Result<()> {
        match &self.events {
            Some(events) => {
                fs::write(EVENTS, events).with_context(|| format!("cannot write {EVENTS}"))
            }
            None => Ok(()),
        }
    }

    /// Ends it as Ctrl-C does; nothing of it is left in the kernel.
    pub(crate) fn end(mut self) -> Result<()> {
        kill(self.pid(), Signal::SIGINT)?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{}: {}", self.name, reason(status)?);
        }
        self.restore()?;
        // Programs are freed a little later.
        thread::sleep(SETTLED);
        if programs::count()? != self.programs {
            bail!("{}: kernel programs are left behind", self.name);
        }
        Ok(())
    }
}

/// What was not ended in order, since a measurement failed.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // There is nobody to tell.
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = self.restore();
        }
    }
}
