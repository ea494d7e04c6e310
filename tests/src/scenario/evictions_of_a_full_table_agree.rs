//! A flood that nobody answers overruns the table: newcomers evict others or are refused, as the kernel's own
//! counters say to the last one.

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    recorder::Recorder,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const FLOWS: u16 = 4000;

pub(crate) fn run() -> Result<()> {
    let world = World::create("flood")?;
    let netns = world.node.inode()?;
    // The eight buckets that early_drop looks through hold some entries, or none.
    let _buckets = Setting::buckets(4096)?;
    let max = Setting::max(300)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 514).into(), 20_001..=20_000 + FLOWS))?;
    // Above 95 % of its limit the garbage collector goes on evicting, also between the recorder's last figures and ours.
    drop(max);
    let recording = recorder.stop()?;
    let after = world.figures()?;
    recording.agrees(netns, &before, &after)?;
    let early_drop = after.grown(&before, "early_drop")?;
    let drop = after.grown(&before, "drop")?;
    holds("the kernel evicted", early_drop > 0)?;
    holds("the kernel refused", drop > 0)?;
    let of = format!("n.inode = {netns} AND port = 514 AND role = 'inbound'");
    equal("evicted", recording.sum("evicted", &of)?, early_drop)?;
    equal("refused", recording.sum("refused", &of)?, drop)?;
    let inserted = recording.sum("inserted", &of)?;
    equal("inserted and refused", inserted + drop, i64::from(FLOWS))
}
