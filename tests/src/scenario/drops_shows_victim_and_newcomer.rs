//! A flood that nobody answers overruns the table: each eviction is shown with the entry that went and the connection
//! that came, and all events together are what the kernel counted.

use std::{thread::sleep, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::lab::{
    check::{equal, holds},
    drops::Drops,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const FLOWS: u16 = 3000;
/// At once: fewer than a processor may tell of in a tenth of a second.
const AT_ONCE: u16 = 500;

pub(crate) fn run() -> Result<()> {
    let world = World::create("victim")?;
    // The eight buckets that early_drop looks through hold some entries, or none.
    let _buckets = Setting::buckets(4096)?;
    let _max = Setting::max(300)?;
    let before = world.figures()?;
    let inode = world.node.inode()?.to_string();
    let drops = Drops::start(&["--netns", &inode, "--port", "514"], false)?;
    for first in (20_001..20_001 + FLOWS).step_by(AT_ONCE.into()) {
        let ports = first..=first + AT_ONCE - 1;
        world
            .client
            .run(|| udp::from_ports((NODE, 514).into(), ports))?;
        sleep(Duration::from_millis(150));
    }
    let shown = drops.stop()?;
    let after = world.figures()?;
    let (evicted, refused) = (
        after.grown(&before, "early_drop")?,
        after.grown(&before, "drop")?,
    );
    holds("the kernel evicted", evicted > 0)?;
    shown.lost_nothing()?;
    equal("evictions", i64::try_from(shown.of("early_drop").len())?, evicted)?;
    equal("refusals", i64::try_from(shown.of("table_full").len())?, refused)?;
    equal("evictions counted", shown.counted("early_drop"), evicted)?;
    let mut of_age = 0;
    for event in shown.of("early_drop") {
        let port = |of: &serde_json::Value| of["original"]["sport"].as_u64();
        let victim = port(event).context("no victim")?;
        let newcomer = port(&event["beneficiary"]).with_context(|| format!("no newcomer: {event}"))?;
        holds("the victim came before the newcomer", victim < newcomer)?;
        let entry = &event["evicted"];
        equal("replied", &entry["replied"], &json!(false))?;
        equal("assured", &entry["assured"], &json!(false))?;
        let seconds = |name: &str| entry[name].as_f64();
        // An entry's birth is forgotten when another takes its place in the kernel side's memory.
        let age = seconds("age_seconds");
        of_age += usize::from(age.is_some());
        holds("it was young", age.is_none_or(|age| age < 60.0))?;
        // net.netfilter.nf_conntrack_udp_timeout is 30 s.
        let left = seconds("left_seconds");
        holds("it had time left", left.is_some_and(|left| left > 0.0 && left <= 30.0))?;
    }
    let evicted = shown.of("early_drop").len();
    holds(&format!("{of_age} of {evicted} had an age, most of them"), of_age * 2 > evicted)
}
