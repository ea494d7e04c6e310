//! Two entries for one flow: the kernel merges them or drops the packet, and counts each; so does ctwatch.

use anyhow::Result;

use crate::{
    lab::{
        check::{equal, holds},
        recorder::Recorder,
        traffic::{clash, udp},
        world::{NODE, SERVER, World},
    },
    runner::Skip,
};

/// A few meet within the first hundreds; on a busy machine it takes more.
const ROUNDS: u16 = 300;
const ATTEMPTS: u16 = 12;

/// All leave by one port: the second flow has no tuple of its own.
const ONE_PORT: &str = "table ip narrow {
    chain after { type nat hook postrouting priority 100; udp dport 123 snat to 10.8.0.1:4000; }
}";

pub(crate) fn run() -> Result<()> {
    dropped()?;
    merged()
}

fn dropped() -> Result<()> {
    let world = World::create("narrow")?;
    let _server = world.add_server()?;
    world.load_rules(ONE_PORT)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((SERVER, 123).into(), 20_001..=20_041))?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    equal("the kernel's insert_failed", after.grown(&before, "insert_failed")?, 40)?;
    recording.agrees(netns, &before, &after)?;
    let of = format!("n.inode = {netns} AND port = 123 AND role = 'forwarded'");
    equal("insert_failed", recording.sum("insert_failed", &of)?, 40)?;
    equal("inserted", recording.sum("inserted", &of)?, 1)
}

/// Two processors send the first packet of the same flow at once, and many rules keep both on their way.
fn merged() -> Result<()> {
    let world = World::create("clash")?;
    world.load_rules(&clash::slow())?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let mut flows = 0;
    world.client.run(|| {
        (0..ATTEMPTS).try_for_each(|attempt| {
            if world.figures()?.grown(&before, "clashres")? == 0 {
                flows = (attempt + 1) * ROUNDS;
                let first = 1 + attempt * ROUNDS;
                clash::collide(NODE, 20_001, first..first + ROUNDS)?;
            }
            Ok(())
        })
    })?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    recording.agrees(netns, &before, &after)?;
    let of = format!("n.inode = {netns}");
    equal("inserted", recording.sum("inserted", &of)?, i64::from(flows))?;
    let clashes = after.grown(&before, "clashres")?;
    if clashes == 0 {
        return Err(Skip("no two packets met on this machine".to_owned()).into());
    }
    holds("clashes are merged", recording.sum("clash_merged", &of)? == clashes)
}
