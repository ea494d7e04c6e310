//! Entries made by `conntrack -I` count as inserted, those removed by `conntrack -D` as deleted.

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    world::{CLIENT4, NODE4, World},
};

const ENTRIES: i64 = 12;

pub(crate) fn run() -> Result<()> {
    let world = World::create("tools")?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    for port in 0..ENTRIES {
        insert(&world, 7000 + port)?;
    }
    let between = world.figures()?;
    equal("the kernel's insert", between.grown(&before, "insert")?, ENTRIES)?;
    world.conntrack(&["-D", "-p", "udp", "-s", &CLIENT4.to_string()])?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    equal("entries left", after.count, 0)?;
    recording.agrees(netns, &before, &after)?;
    let of = format!(
        "n.inode = {netns} AND port = 5353 AND role = 'inbound' AND address = '{NODE4}'"
    );
    equal("inserted", recording.sum("inserted", &of)?, ENTRIES)?;
    equal("deleted", recording.sum("deleted", &of)?, ENTRIES)
}

fn insert(world: &World, source_port: i64) -> Result<()> {
    let (client, node) = (CLIENT4.to_string(), NODE4.to_string());
    let source_port = source_port.to_string();
    let arguments = [
        "-I", "-p", "udp", "-s", &client, "-d", &node, "--sport", &source_port, "--dport", "5353",
        "-t", "60",
    ];
    world.conntrack(&arguments).map(drop)
}
