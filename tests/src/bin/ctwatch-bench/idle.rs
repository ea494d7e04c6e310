//! What the recorder takes of a node on which nothing happens.

use std::{
    fs,
    process::{Child, Command},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{clock::of_family, ctwatch::Recorder};

/// In the laboratory.
const RESULT: &str = "/out/idle.json";
const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";
/// After the first dump and the first scans.
const SETTLES: Duration = Duration::from_secs(15);
const WATCHED: Duration = Duration::from_secs(60);

/// Namespaces and processes: a small node, and one with many containers.
const NODES: [(usize, usize); 2] = [(3, 30), (200, 230)];

/// What the recorder took.
#[derive(Serialize)]
struct Idle {
    mode: &'static str,
    namespaces: usize,
    processes: usize,
    seconds: u64,
    cpu_ns: u64,
}

/// In the laboratory also with probes; elsewhere in namespaces that nobody else uses.
pub(crate) fn run() -> Result<()> {
    let laboratory = fs::exists("/out")?;
    let mut modes = vec![("events", "2", "netlink"), ("dumps", "0", "netlink")];
    if laboratory {
        Command::new("modprobe")
            .arg("nf_conntrack_netlink")
            .status()?;
        modes.push(("probes", "2", "kprobe"));
    }
    let mut all = Vec::new();
    for (namespaces, processes) in NODES {
        for (mode, events, source) in &modes {
            fs::write(EVENTS, events).with_context(|| format!("cannot write {EVENTS}"))?;
            let _node = Node::start(namespaces, processes, events)?;
            all.push(Idle {
                mode,
                namespaces,
                processes,
                seconds: WATCHED.as_secs(),
                cpu_ns: watch(source)?,
            });
        }
    }
    let text = serde_json::to_string(&all)?;
    if laboratory {
        return fs::write(RESULT, text).with_context(|| format!("cannot write {RESULT}"));
    }
    println!("{text}");
    Ok(())
}

/// CPU time of a recorder that samples once a second.
fn watch(source: &str) -> Result<u64> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("idle.db");
    let file = file.to_str().context("a path that is no text")?;
    let recorder = Recorder::start(&["-i", "1s", "--source", source], file)?;
    thread::sleep(SETTLES);
    let before = of_family(recorder.pid())?;
    thread::sleep(WATCHED);
    let used = of_family(recorder.pid())? - before;
    recorder.end()?;
    eprintln!("  idle, {source}: {} ms in {WATCHED:?}", used / 1_000_000);
    Ok(used)
}

/// Processes that sleep, some of them in a namespace of their own.
struct Node(Vec<Child>);

impl Node {
    fn start(namespaces: usize, processes: usize, events: &str) -> Result<Self> {
        let held = format!("echo {events} >{EVENTS}; exec sleep 1d");
        let mut node = Self(Vec::new());
        for number in 1..processes {
            let mut command = if number < namespaces {
                let mut command = Command::new("unshare");
                command.args(["--net", "sh", "-c", &held]);
                command
            } else {
                let mut command = Command::new("sleep");
                command.arg("1d");
                command
            };
            node.0
                .push(command.spawn().context("cannot start a process")?);
        }
        thread::sleep(Duration::from_secs(5));
        Ok(node)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // It may have ended; there is nobody else to wait for it.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
