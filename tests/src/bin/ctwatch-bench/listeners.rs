//! What listening to conntrack events costs the node, in instructions, beside what reads them.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::Pid;
use serde::Serialize;

use super::{
    clock::Meter,
    costs::{Bench, Costs, ROUNDS},
    ctwatch::Recorder,
    flows::FLOWS,
    node,
    reader::Reader,
};

const RESULT: &str = "/out/listeners.json";
/// After this time a reader has read what there is.
const CATCHES_UP: Duration = Duration::from_secs(2);

/// All that is measured in one boot.
#[derive(Serialize)]
struct Boot {
    conditions: Vec<Listened>,
}

/// Under one condition.
#[derive(Serialize)]
struct Listened {
    #[serde(flatten)]
    costs: Costs,
    /// Of a round of [`FLOWS`] flows that begin and are flushed.
    reader: Option<Read>,
}

#[derive(Serialize)]
struct Read {
    /// Messages that the round made for this reader.
    messages: u64,
    dropped: u64,
    /// CPU time of the reader, in instructions a message made.
    instructions: f64,
}

pub(crate) fn run() -> Result<()> {
    node::make()?;
    let mut bench = Bench::open(ROUNDS)?;
    node::track()?;
    let mut conditions = vec![Listened {
        costs: bench.measure("tracked", true)?,
        reader: None,
    }];
    for (condition, words, groups) in [
        ("conntrack -E -e NEW", &["-E", "-e", "NEW"][..], 1),
        ("conntrack -E", &["-E"][..], 2),
    ] {
        let mut reader = conntrack(words)?;
        let listened = listen(&mut bench, condition, pid(&reader), groups)?;
        conditions.push(listened);
        reader.kill()?;
        reader.wait()?;
    }
    for (condition, events, groups) in [("ctwatch, events", "2", 2), ("ctwatch, dumps", "0", 0)] {
        node::set("net.netfilter.nf_conntrack_events", events)?;
        let recorder = Recorder::start(&["-i", "10s", "--source", "netlink"], "/tmp/bench.db")?;
        conditions.push(listen(&mut bench, condition, recorder.pid(), groups)?);
        recorder.end()?;
    }
    let boot = Boot { conditions };
    fs::write(RESULT, serde_json::to_vec(&boot)?).with_context(|| format!("cannot write {RESULT}"))
}

/// `messages` are those a flow makes for this reader.
fn listen(bench: &mut Bench, condition: &'static str, pid: Pid, messages: u64) -> Result<Listened> {
    bench.flows.meter = Meter::AllBut(pid);
    let costs = bench.measure(condition, true)?;
    node::rest();
    let before = Reader::of(pid)?;
    bench.flows.round(true)?;
    thread::sleep(CATCHES_UP);
    let read = Reader::of(pid)?.since(before);
    let made = messages * u64::from(FLOWS);
    ensure!(read.dropped <= made, "{} messages dropped", read.dropped);
    println!("{condition}: {} of {made} messages lost", read.dropped);
    Ok(Listened {
        costs,
        reader: Some(Read {
            messages: made,
            dropped: read.dropped,
            instructions: read.cpu_ns as f64 / made.max(1) as f64,
        }),
    })
}

/// Its output goes nowhere, as cheaply as can be.
fn conntrack(words: &[&str]) -> Result<Child> {
    let child = Command::new("conntrack")
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run conntrack")?;
    thread::sleep(CATCHES_UP);
    Ok(child)
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}
