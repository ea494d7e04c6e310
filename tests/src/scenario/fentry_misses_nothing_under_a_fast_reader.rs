//! Attached by fentry, no hit is missed while the recorder samples as fast as it can, on both processors at once, and the
//! recording says that none was.

use std::path::Path;

use anyhow::Result;

use crate::{
    lab::{
        check::equal,
        processor,
        recorder::Recorder,
        traffic::udp,
        world::{NODE, World},
    },
    runner::Skip,
};

const FLOWS: u16 = 4000;

pub(crate) fn run() -> Result<()> {
    let world = World::create("fast")?;
    if !Path::new("/sys/kernel/btf/nf_conntrack").exists() {
        return Err(Skip("this kernel has no type information of nf_conntrack".to_owned()).into());
    }
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["--source", "fentry", "-i", "1ms"])?;
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
    let by_fentry = "SELECT backend = 'fentry' FROM recording";
    equal("by fentry", recording.number(by_fentry)?, 1)?;
    let silent = "SELECT count(*) FROM sample WHERE probe_misses IS NULL";
    equal("samples that do not tell misses", recording.number(silent)?, 0)?;
    equal("misses", recording.lost("probe_misses")?, 0)
}
