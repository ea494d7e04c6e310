//! Without probes, at a full table: refused connections are counted under the port they wanted and evicted entries
//! under their own, as many as the kernel's `drop` and `early_drop` say. The table is filled up to the limit that the
//! machine has, for the limit is not the scenario's to change.

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    fill::{self, Kind},
    limit,
    recorder::Recorder,
    traffic::udp,
    world::{NODE, NODE6, World},
};
use crate::runner::Skip;

/// A larger table takes too long to fill, and much memory.
const MOST: u64 = 600_000;
const FILLING: u16 = 9;

pub(crate) fn run() -> Result<()> {
    let _room = limit::room_for(4_000)?;
    let max = limit::read()?;
    if !(1..=MOST).contains(&max) {
        let reason = format!("nf_conntrack_max is {max}, more than the {MOST} that are filled up");
        return Err(Skip(reason).into());
    }
    let world = World::create("netfull")?;
    refused(&world, max)?;
    world.conntrack(&["-F"])?;
    evicted(&world, max)
}

/// Nothing can be evicted: newcomers are refused.
fn refused(world: &World, max: u64) -> Result<()> {
    let netns = world.node.inode()?;
    fill::table(world, max, FILLING, Kind::Assured)?;
    let before = world.figures()?;
    equal("entries", before.count.cast_unsigned(), max)?;
    let recorder = Recorder::start(&["--source", "netlink"])?;
    world.client.run(|| {
        udp::from_ports((NODE, 53).into(), 20_001..=20_350)?;
        udp::from_ports((NODE6, 123).into(), 20_001..=20_200)
    })?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    recording.balances(netns, &before, &after)?;
    recording.lost_nothing()?;
    // Somebody else may have changed it: one limit holds for all namespaces.
    equal("nf_conntrack_max, at the end", limit::read()?, max)?;
    equal("the kernel's drop", after.grown(&before, "drop")?, 550)?;
    let of = |port: u16| format!("n.inode = {netns} AND role = 'inbound' AND port = {port}");
    equal("refused at 53", recording.sum("refused", &of(53))?, 350)?;
    equal("refused at 123", recording.sum("refused", &of(123))?, 200)?;
    equal("inserted", recording.sum("inserted", &of(53))?, 0)?;
    equal("refused in all", recording.sum("refused", "true")?, 550)
}

/// Everything can be evicted: newcomers take the place of others.
fn evicted(world: &World, max: u64) -> Result<()> {
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["--source", "netlink"])?;
    fill::table(world, max, FILLING, Kind::Unreplied)?;
    world
        .client
        .run(|| udp::from_ports((NODE, 514).into(), 20_001..=23_000))?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    recording.balances(netns, &before, &after)?;
    recording.lost_nothing()?;
    let of = format!("n.inode = {netns}");
    let early_drop = after.grown(&before, "early_drop")?;
    let drop = after.grown(&before, "drop")?;
    holds("the kernel evicted", early_drop > 0)?;
    equal("evicted", recording.sum("evicted", &of)?, early_drop)?;
    equal("refused", recording.sum("refused", &of)?, drop)?;
    let came = format!("{of} AND port = 514");
    let (inserted, refused) = (recording.sum("inserted", &came)?, recording.sum("refused", &came)?);
    equal("inserted and refused at 514", inserted + refused, 3_000)
}
