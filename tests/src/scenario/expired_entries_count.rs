//! Entries whose timeout passed end as expired. They stay in the table, and in the count, until somebody walks
//! over them: here a dump.

use std::{thread::sleep, time::Duration};

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::ENDED,
    traffic::udp,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("expiry")?;
    let netns = world.node.inode()?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 1)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 123).into(), 20_001..=20_400))?;
    sleep(Duration::from_millis(1500));
    world.conntrack(&["-L"])?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    equal("entries left", after.count, 0)?;
    recording.agrees(netns, &before, &after)?;
    let of = format!("n.inode = {netns} AND port = 123");
    equal("inserted", recording.sum("inserted", &of)?, 400)?;
    equal("expired", recording.sum("expired", &of)?, 400)?;
    equal("unreplied", recording.sum("unreplied", &of)?, 400)?;
    equal("ended", recording.sum(ENDED, &of)?, 400)
}
