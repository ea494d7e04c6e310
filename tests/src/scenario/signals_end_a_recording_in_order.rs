//! Ctrl-C, and SIGTERM from a service manager, end a recording in order: exit status 0, one file, nothing missing.

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    traffic::udp,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("signals")?;
    let netns = world.node.inode()?;
    for (signal, sources) in [
        (Signal::SIGINT, 20_001..=20_050),
        (Signal::SIGTERM, 20_051..=20_100),
    ] {
        let before = world.figures()?;
        let mut recorder = Recorder::start(&[])?;
        world
            .client
            .run(|| udp::from_ports((NODE, 53).into(), sources))?;
        let status = recorder.signal(signal)?;
        equal(&format!("exit status after {signal}"), status.code(), Some(0))?;
        equal("files", recorder.files()?, vec!["ctwatch.db".to_owned()])?;
        let recording = recorder.recording()?;
        recording.agrees(netns, &before, &world.figures()?)?;
        let of = format!("n.inode = {netns} AND port = 53");
        equal("inserted", recording.sum("inserted", &of)?, 50)?;
        let ended = recording.number("SELECT ended_ms IS NOT NULL FROM recording")?;
        equal("recordings that ended in order", ended, 1)?;
    }
    Ok(())
}
