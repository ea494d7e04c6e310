//! Above 95 % fill the garbage collector evicts too, which no kernel statistic counts: told apart from evictions for
//! newcomers, and the books still close.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    kernel, module,
    recorder::Recorder,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const MAX: u16 = 600;

/// The collector looks around again after this at the latest. Before Linux 5.18 it always takes two minutes
/// (`GC_SCAN_INTERVAL`), which 5.10's stable releases have, too.
fn patience() -> Result<Duration> {
    Ok(Duration::from_secs(if kernel::at_least(5, 18)? { 70 } else { 150 }))
}

pub(crate) fn run() -> Result<()> {
    // A collector that has found little to do sleeps for a minute; a fresh one looks around after a second, and
    // comes back as soon as the timeouts that it found tell it to.
    module::unload()?;
    let world = World::create("collected")?;
    let netns = world.node.inode()?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 3)?;
    let send = |ports| world.client.run(|| udp::to_ports(NODE, 20_001, ports));
    send(1..=4000)?;
    // Hardly ever is there an entry in the eight buckets that early_drop looks through.
    let _buckets = Setting::buckets(65_536)?;
    let _max = Setting::max(MAX.into())?;
    sleep(Duration::from_secs(2));
    world.conntrack(&["-F"])?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 300)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let of = format!("n.inode = {netns}");
    let deadline = Instant::now() + patience()?;
    let mut first = 5000;
    while recorder.recording()?.sum("evicted_background", &of)? == 0 && Instant::now() < deadline {
        send(first..=first + 2 * MAX)?;
        first += 10;
        sleep(Duration::from_millis(300));
    }
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;
    let background = recording.sum("evicted_background", &of)?;
    holds("the collector evicted", background > 0)?;
    let ended = recording.sum(crate::lab::recording::ENDED, &of)?;
    let evicted = recording.sum("evicted", &of)?;
    equal("ended by both", evicted + background, ended)
}
