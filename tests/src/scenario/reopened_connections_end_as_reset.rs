//! A client that uses its port again meets the entry of its last connection in TIME_WAIT: the tracker deletes that
//! and makes a new one. The old one ends as reset.

use std::net::SocketAddr;

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::ENDED,
    traffic::tcp,
    world::{NODE, World},
};

const PORTS: i64 = 30;

pub(crate) fn run() -> Result<()> {
    let world = World::create("reopen")?;
    let netns = world.node.inode()?;
    let web = SocketAddr::from((NODE, 443));
    let listener = tcp::listener(&world.node, web)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world.client.run(|| {
        for _ in 0..2 {
            for port in 0..PORTS {
                tcp::closed_by_server(&listener, 30_000 + u16::try_from(port)?)?;
            }
        }
        Ok(())
    })?;
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;
    let of = format!("n.inode = {netns} AND port = 443");
    equal("inserted", recording.sum("inserted", &of)?, 2 * PORTS)?;
    equal("reset", recording.sum("reset", &of)?, PORTS)?;
    equal("ended", recording.sum(ENDED, &of)?, PORTS)?;
    equal("last TIME_WAIT", recording.sum("last_time_wait", &of)?, PORTS)
}
