//! Some kernels have no `__nf_conntrack_hash_insert`. Inserts are then seen where its callers return, and the counts
//! are the same.

use anyhow::{Context, Result};

use crate::lab::{
    check::{equal, holds},
    kallsyms,
    recorder::Recorder,
    traffic::{
        tcp::{self, Server},
        udp,
    },
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("inlined")?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let doctored = kallsyms::without("__nf_conntrack_hash_insert")?;
    let doctored = doctored.path().to_str().context("an odd path")?;
    let program = kallsyms::hiding("/proc/kallsyms", doctored);
    let recorder = Recorder::start_by(&program, &["-v"])?;
    let server = Server::listen(&world.node, (NODE, 443).into(), 40)?;
    world.client.run(|| {
        udp::from_ports((NODE, 53).into(), 20_001..=20_200)?;
        tcp::short((NODE, 443), 40)
    })?;
    server.served()?;
    world.conntrack(&[
        "-I", "-p", "udp", "-s", "10.9.0.2", "-d", "10.9.0.1", "--sport", "9", "--dport", "5353",
        "-t", "60",
    ])?;
    world.conntrack(&["-D", "-p", "udp", "--dport", "53"])?;
    let recording = recorder.stop()?;
    holds("confirm's exit is hooked", recording.said.contains("confirm_exit"))?;
    recording.agrees(netns, &before, &world.figures()?)?;
    for (port, inserted, deleted) in [(53, 200, 200), (443, 40, 0), (5353, 1, 0)] {
        let of = format!("n.inode = {netns} AND port = {port} AND role = 'inbound'");
        let what = |what: &str| format!("port {port}: {what}");
        equal(&what("inserted"), recording.sum("inserted", &of)?, inserted)?;
        equal(&what("deleted"), recording.sum("deleted", &of)?, deleted)?;
    }
    Ok(())
}
