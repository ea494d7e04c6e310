//! A namespace that is deleted takes its entries along; they end by that cause, and its last figures stay.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::ENDED,
    traffic::udp,
    world::{NODE, World},
};

const FLOWS: i64 = 150;

pub(crate) fn run() -> Result<()> {
    let world = World::create("doomed")?;
    let netns = world.node.inode()?;
    let of = format!("n.inode = {netns} AND port = 53");
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_150))?;
    drop(world);
    // The kernel cleans up in the background.
    let deadline = Instant::now() + Duration::from_secs(15);
    while recorder.recording()?.sum(ENDED, &of)? < FLOWS && Instant::now() < deadline {
        sleep(Duration::from_millis(300));
    }
    let recording = recorder.stop()?;
    recording.lost_nothing()?;
    equal("inserted", recording.sum("inserted", &of)?, FLOWS)?;
    equal("ended with the namespace", recording.sum("netns_gone", &of)?, FLOWS)?;
    equal("ended", recording.sum(ENDED, &of)?, FLOWS)
}
