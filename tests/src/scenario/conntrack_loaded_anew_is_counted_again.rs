//! nf_conntrack is unloaded under a recording by kprobes, and loaded again: that is noticed, probes are attached again, and
//! the time in between is told. While the module is away, samples show no table; none says 0.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::lab::{
    check::{equal, holds},
    module,
    recorder::Recorder,
    traffic::{tcp, udp},
    world::{NODE, World},
};

const BEFORE: u16 = 200;
const AFTER: u16 = 300;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<()> {
    let world = World::create("old")?;
    let old = world.node.inode()?;
    let recorder = Recorder::start(&["--source", "kprobe"])?;
    world.client.run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_000 + BEFORE))?;
    until(&recorder, "the first flows are written", "SELECT sum(inserted) >= 200 FROM delta")?;
    // It goes once no rule wants it; the namespace stays.
    world.load_rules("flush ruleset")?;
    module::unload()?;
    // Until samples have noticed.
    let seen = recorder.recording()?.number("SELECT max(id) FROM sample")?;
    let later = format!("SELECT max(id) > {seen} + 2 FROM sample");
    until(&recorder, "samples while it is away", &later)?;
    let again = World::create("new")?;
    until(&recorder, "the gap ends", "SELECT count(*) = 1 FROM gap")?;
    let new = again.node.inode()?;
    let before = again.figures()?;
    // A client that uses its port again has its old connection deleted, by a function whose address is another now.
    let listener = tcp::listener(&again.node, (NODE, 443).into())?;
    again.client.run(|| {
        udp::from_ports((NODE, 53).into(), 20_001..=20_000 + AFTER)?;
        for port in [30_001, 30_002, 30_001, 30_002] {
            tcp::closed_by_server(&listener, port)?;
        }
        Ok(())
    })?;
    let recording = recorder.stop()?;
    recording.agrees(new, &before, &again.figures()?)?;
    for (what, netns, flows) in [("before", old, BEFORE), ("once it is back", new, AFTER)] {
        let of = format!("n.inode = {netns} AND port = 53");
        equal(&format!("inserted {what}"), recording.sum("inserted", &of)?, i64::from(flows))?;
    }
    let of = format!("n.inode = {new} AND port = 443");
    equal("reset once it is back", recording.sum("reset", &of)?, 2)?;
    equal("gaps", recording.number("SELECT count(*) FROM gap WHERE from_ms < to_ms")?, 1)?;
    let shown = "SELECT count(*) FROM netns_table t JOIN sample s ON s.id = t.sample_id, gap g \
                 WHERE t.visible AND s.at_ms BETWEEN g.from_ms AND g.to_ms";
    equal("tables shown while it is away", recording.number(shown)?, 0)?;
    let told = |words: &str| recording.said.lines().any(|line| line.contains(words));
    holds("that it went is said", told("nf_conntrack was unloaded: from "))?;
    holds("how long it was away is said", told("nothing was counted: nf_conntrack was unloaded"))
}

/// Waits until a query of the recording under way gives 1.
fn until(recorder: &Recorder, what: &str, query: &str) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if recorder.recording()?.number(query).unwrap_or(0) == 1 {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
    bail!("{what}: not within {PATIENCE:?} (it said {:?})", recorder.said().trim())
}
