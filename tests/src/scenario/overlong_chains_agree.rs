//! A hash table far too small for its entries: the kernel refuses to make a chain longer and counts that as
//! insert_failed (nf_conntrack_core.c, `chaintoolong`). Whose the failures are is watched from the first of them on;
//! the recording says so, and from then on each is counted at its port, and `drops` tells each.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, bail};

use crate::{
    lab::{
        check::equal,
        drops::Drops,
        recorder::Recorder,
        setting::Setting,
        traffic::udp,
        world::{NODE, World},
    },
    runner::Skip,
};

/// Chains of 512 buckets are about full with so many.
const FIRST: u16 = 18_000;
const THEN: std::ops::RangeInclusive<u16> = 30_001..=36_000;

const SAID: &str =
    "SELECT count(*) FROM degraded WHERE reason LIKE 'inserts that failed other than by a clash%'";

pub(crate) fn run() -> Result<()> {
    let world = World::create("chains")?;
    let netns = world.node.inode()?;
    let _buckets = Setting::buckets(512)?;
    let _max = Setting::max(200_000)?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let send = |ports| world.client.run(|| udp::to_ports(NODE, 20_001, ports));
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let drops = Drops::start(&["--netns", world.node.name()], false)?;
    send(1..=FIRST)?;
    let between = world.figures()?;
    if between.grown(&before, "insert_failed")? == 0 {
        return Err(Skip("this kernel lets chains grow".to_owned()).into());
    }
    wait_until_said(&recorder)?;
    // `drops` looks once a second.
    sleep(Duration::from_secs(3));
    send(THEN)?;
    let recording = recorder.stop()?;
    let shown = drops.stop()?;
    let after = world.figures()?;
    let failed = after.grown(&between, "insert_failed")?;
    let of = format!(
        "n.inode = {netns} AND port BETWEEN {} AND {}",
        THEN.start(),
        THEN.end()
    );
    equal("insert_failed", recording.sum("insert_failed", &of)?, failed)?;
    let told = shown.of("chain_too_long").into_iter().filter(|event| {
        let port = event["original"]["dport"].as_u64();
        port.is_some_and(|port| u16::try_from(port).is_ok_and(|port| THEN.contains(&port)))
    });
    equal("told", i64::try_from(told.count())?, failed)?;
    let flows = i64::from(THEN.end() - THEN.start() + 1);
    equal("inserted", recording.sum("inserted", &of)?, flows - failed)?;
    let once = format!(
        "SELECT count(*) FROM (SELECT e.port FROM delta d JOIN endpoint e ON e.id = d.endpoint_id \
         JOIN netns n ON n.id = e.netns_id WHERE {of} \
         GROUP BY e.port HAVING sum(inserted + insert_failed) = 1)"
    );
    equal("ports with one flow", recording.number(&once)?, flows)
}

/// The recorder sees with a sample that there are such failures, and says from when on it knows their ports.
fn wait_until_said(recorder: &Recorder) -> Result<()> {
    for _ in 0..40 {
        sleep(Duration::from_millis(250));
        if recorder.recording()?.number(SAID)? == 1 {
            return Ok(());
        }
    }
    bail!("the recording does not say that failed inserts were not attributed at first")
}
