//! A processor is taken away and given back while both make flows, and one that was away at the start comes later:
//! what each of them counted stays counted.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU16, Ordering},
    thread::{self, sleep},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};

use crate::{
    lab::{
        check::{equal, holds},
        limit, processor,
        recorder::Recorder,
        setting::Setting,
        traffic::udp,
        world::{NODE, World},
    },
    runner::Skip,
};

const SWITCH: &str = "/sys/devices/system/cpu/cpu1/online";
/// How often it goes and comes under traffic.
const TIMES: usize = 4;
/// Flows between two looks at whether that is done.
const ROUND: u16 = 250;
const ROUNDS: u16 = 80;

pub(crate) fn run() -> Result<()> {
    if !Path::new(SWITCH).exists() {
        return Err(Skip("this machine has no second processor that can go".to_owned()).into());
    }
    let _room = limit::room_for(3 * u64::from(ROUNDS * ROUND))?;
    let world = World::create("hotplug")?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let away = Setting::set(SWITCH, 0)?;
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_100))?;
    drop(away);
    equal("the second processor is back", fs::read_to_string(SWITCH)?.trim(), "1")?;
    let flows = world.client.run(switch_under_traffic)?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    recording.agrees(netns, &before, &after)?;
    for (port, flows) in [(53, 100), (1000, flows[0]), (2000, flows[1])] {
        let of = format!("n.inode = {netns} AND port = {port}");
        let what = format!("inserted at {port}");
        equal(&what, recording.sum("inserted", &of)?, i64::from(flows))?;
    }
    Ok(())
}

/// Flows that two threads made, which began on a processor each.
fn switch_under_traffic() -> Result<[u16; 2]> {
    let done = AtomicBool::new(false);
    let rounds = [AtomicU16::new(0), AtomicU16::new(0)];
    thread::scope(|scope| {
        let traffic = scope.spawn(|| processor::on_both(|at| send(at, &rounds[at], &done)));
        let switched = switch(&rounds, || traffic.is_finished());
        done.store(true, Ordering::SeqCst);
        let traffic = traffic.join().map_err(|_| anyhow!("a thread panicked"))?;
        switched.and(traffic)
    })?;
    Ok(rounds.map(|rounds| rounds.into_inner() * ROUND))
}

fn send(at: usize, rounds: &AtomicU16, done: &AtomicBool) -> Result<()> {
    let port = if at == 0 { 1000 } else { 2000 };
    for round in 0..ROUNDS {
        if done.load(Ordering::SeqCst) {
            break;
        }
        // The same sources for both: their ports differ.
        let first = 10_001 + round * ROUND;
        let reuse = u16::try_from(at)? * 25_000;
        udp::from_ports((NODE, port).into(), first + reuse..=first + reuse + ROUND - 1)?;
        rounds.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Traffic goes on, wherever it now runs, after each switch.
fn switch(rounds: &[AtomicU16; 2], ended: impl Fn() -> bool) -> Result<()> {
    let made = || rounds.each_ref().map(|rounds| rounds.load(Ordering::SeqCst));
    let wait = |for_all: &dyn Fn([u16; 2]) -> bool| {
        while !for_all(made()) && !ended() {
            sleep(Duration::from_millis(10));
        }
    };
    wait(&|made| made.iter().all(|&made| made > 0));
    for _ in 0..TIMES {
        for on in ["0", "1"] {
            let before = made();
            fs::write(SWITCH, on).with_context(|| format!("cannot write {on} to {SWITCH}"))?;
            wait(&|made| made[0] > before[0] && made[1] > before[1]);
        }
    }
    holds("traffic lasts as long as the switching", !ended())
}
