//! A million new flows while the recorder samples as fast as it can, and the table is emptied now and then: inserted
//! less ended is by how much the count changed, or is off by as much as the recording says. Where the machine makes
//! fewer within two minutes, as many as it makes.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    limit,
    recorder::Recorder,
    recording::ENDED,
    setting::Setting,
    traffic::raw::Sender,
    world::{CLIENT4, NODE4, World},
};

/// Ports of the node; each gets a flow from every source port.
const PORTS: std::ops::RangeInclusive<u16> = 5_001..=5_020;
const SOURCES: std::ops::RangeInclusive<u16> = 10_001..=60_000;
/// The table is emptied after so many ports.
const KEPT: usize = 4;
const TIME: Duration = Duration::from_secs(120);

pub(crate) fn run() -> Result<()> {
    let room = (KEPT + 1) * SOURCES.len();
    let _room = limit::room_for(room as u64)?;
    let _buckets = Setting::buckets(131_072)?;
    let world = World::create("million")?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["-i", "1ms"])?;
    let began = Instant::now();
    let mut made = Vec::new();
    for port in PORTS {
        if began.elapsed() > TIME {
            break;
        }
        world.client.run(|| {
            let sender = Sender::open(CLIENT4)?;
            SOURCES.into_iter().try_for_each(|source| sender.send(source, NODE4, port))
        })?;
        made.push(port);
        if made.len() % KEPT == 0 {
            world.conntrack(&["-F"])?;
        }
    }
    let recording = recorder.stop()?;
    let after = world.figures()?;
    let flows = (made.len() * SOURCES.len()) as i64;
    println!("{flows} flows, {} samples", recording.number("SELECT count(*) FROM sample")?);
    let left = (made.len() % KEPT * SOURCES.len()) as i64;
    equal("the kernel's count", after.count - before.count, left)?;
    let of = format!("n.inode = {netns}");
    let inserted = recording.sum("inserted", &of)?;
    let ended = recording.sum(ENDED, &of)?;
    let missing = recording.agrees_or_tells(netns, &before, &after)?;
    let misses = recording.probe_misses()?;
    if missing == 0 && misses.unwrap_or(0) == 0 {
        equal("inserted", inserted, flows)?;
        equal("ended", ended, flows - left)?;
    }
    // A flush may be preempted between the end of an entry and its release, and go on on another processor.
    let causes = recording.lost("cause_lost + cause_raced")?;
    let deleted = recording.sum("deleted", &of)?;
    holds(&format!("{deleted} of {ended} deleted, {causes} causes lost"), ended - deleted <= causes)
}
