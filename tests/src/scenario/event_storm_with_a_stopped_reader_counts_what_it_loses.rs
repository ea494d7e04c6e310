//! `ctwatch drops` is stopped while a full table refuses and evicts by the thousand: the ring buffer fills, and what was
//! shown, suppressed and lost is what the counters say, which is what the kernel says. Memory stays as it was. It goes
//! on where it is let, ends in order, and can be killed, and leaves no probe behind.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lab::{
    check::{equal, holds},
    command,
    drops::{Drops, Shown},
    setting::Setting,
    traffic::raw::Sender,
    world::{CLIENT4, NODE4, World},
};

/// More events than a mebibyte holds.
const FLOWS: u16 = 30_000;
/// Reasons that a full table gives.
const REASONS: [&str; 3] = ["table_full", "early_drop", "gc_eviction"];
/// KiB that a process may grow meanwhile.
const GROWTH: u64 = 16 * 1024;

pub(crate) fn run() -> Result<()> {
    let world = World::create("storm")?;
    let _buckets = Setting::buckets(4096)?;
    let _max = Setting::max(300)?;
    let before = world.figures()?;
    let drops = Drops::start(&[], false)?;
    let memory = resident(drops.process())?;
    drops.send(Signal::SIGSTOP)?;
    storm(&world, 514)?;
    drops.send(Signal::SIGCONT)?;
    drops.catches_up()?;
    // What comes from now on is shown again.
    flow(&world, 53, 100)?;
    let grown = resident(drops.process())?.saturating_sub(memory);
    holds(&format!("it grew by {grown} KiB, at most {GROWTH}"), grown <= GROWTH)?;
    let told = drops.stop()?;
    let after = world.figures()?;
    for (reason, column) in [("table_full", "drop"), ("early_drop", "early_drop")] {
        let counted = told.counted(reason);
        equal(&format!("{reason} counted"), counted, after.grown(&before, column)?)?;
    }
    agrees(&told)?;
    holds("events were lost", told.figure("lost")? > 0)?;
    let to_53 = |connection: &Value| connection["original"]["dport"] == 53;
    let later = told.events.iter().any(|event| to_53(event) || to_53(&event["beneficiary"]));
    holds("what came later was shown", later)?;
    killed(&world)
}

/// Every event is somewhere.
fn agrees(told: &Shown) -> Result<()> {
    let sum = |names: &[&str]| names.iter().map(|name| told.figure(name)).sum::<Result<i64>>();
    let events = sum(&["shown", "suppressed", "lost", "left_out"])?;
    let counted: i64 = REASONS.iter().map(|reason| told.counted(reason)).sum();
    println!("{counted} counted: {} shown, {} suppressed, {} lost", told.figure("shown")?, told.figure("suppressed")?, told.figure("lost")?);
    equal("shown, suppressed and lost", events, counted)?;
    let shown = REASONS.iter().map(|reason| told.of(reason).len()).sum::<usize>();
    equal("lines", shown, usize::try_from(told.figure("shown")?)?)
}

fn killed(world: &World) -> Result<()> {
    let mut drops = Drops::start(&[], false)?;
    holds("its programs are there", programs()? > 0)?;
    drops.send(Signal::SIGSTOP)?;
    storm(world, 123)?;
    drops.send(Signal::SIGKILL)?;
    equal("killed by", drops.wait()?.signal(), Some(Signal::SIGKILL as i32))?;
    // The kernel takes them away in the background.
    let deadline = Instant::now() + Duration::from_secs(20);
    while programs()? > 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(200));
    }
    equal("programs left behind", programs()?, 0)
}

/// ctwatch's in the kernel: one of them is on each insert.
fn programs() -> Result<usize> {
    let all = command::run("bpftool", &["prog", "list"])?;
    Ok(all.lines().filter(|line| line.contains("hash_insert")).count())
}

fn storm(world: &World, port: u16) -> Result<()> {
    flow(world, port, FLOWS)
}

fn flow(world: &World, port: u16, flows: u16) -> Result<()> {
    world.client.run(|| {
        let sender = Sender::open(CLIENT4)?;
        (1..=flows).try_for_each(|source| sender.send(source, NODE4, port))
    })
}

/// Of this process, in KiB.
fn resident(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).context(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("a status without VmRSS")?.parse()?)
}
