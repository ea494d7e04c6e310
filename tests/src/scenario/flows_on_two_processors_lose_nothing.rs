//! Flows on two processors at once while the recorder samples as fast as it can: nothing is lost, or what was is
//! told to the last one.

use anyhow::Result;

use crate::lab::{
    check::equal,
    processor,
    recorder::Recorder,
    traffic::udp,
    world::{NODE, World},
};

const FLOWS: u16 = 4000;

pub(crate) fn run() -> Result<()> {
    let world = World::create("busy")?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["-i", "1ms"])?;
    world.client.run(|| {
        processor::on_both(|processor| {
            let port = if processor == 0 { 1000 } else { 2000 };
            let first = port * 10 + 1;
            udp::from_ports((NODE, port).into(), first..=first + FLOWS - 1)
        })
    })?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    equal("the kernel's count", after.count - before.count, 2 * i64::from(FLOWS))?;
    recording.agrees(netns, &before, &after)?;
    for port in [1000, 2000] {
        let of = format!("n.inode = {netns} AND port = {port}");
        equal("inserted", recording.sum("inserted", &of)?, i64::from(FLOWS))?;
    }
    Ok(())
}
