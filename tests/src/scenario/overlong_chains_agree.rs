//! A hash table far too small for its entries: the kernel refuses to make a chain longer and counts that as
//! insert_failed (nf_conntrack_core.c, `chaintoolong`).

use anyhow::Result;

use crate::{
    lab::{
        check::equal,
        recorder::Recorder,
        setting::Setting,
        traffic::udp,
        world::{NODE, World},
    },
    runner::Skip,
};

const FLOWS: u16 = 22_000;

pub(crate) fn run() -> Result<()> {
    let world = World::create("chains")?;
    let netns = world.node.inode()?;
    let _buckets = Setting::buckets(512)?;
    let _max = Setting::max(200_000)?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::to_ports(NODE, 20_001, 1..=FLOWS))?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    let failed = after.grown(&before, "insert_failed")?;
    if failed == 0 {
        return Err(Skip("this kernel lets chains grow".to_owned()).into());
    }
    let of = format!("n.inode = {netns}");
    equal("inserted", recording.sum("inserted", &of)?, i64::from(FLOWS) - failed)?;
    equal("insert_failed", recording.sum("insert_failed", &of)?, failed)
}
