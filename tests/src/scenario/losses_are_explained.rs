//! A full table, an eviction storm, clashes and NAT without ports, all in one: of each counter by which the kernel tells of
//! lost connections at least 99.9 % is explained, by a recording and by `ctwatch drops` alike.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::{
    check::{equal, holds},
    command,
    drops::Drops,
    figures::Figures,
    recorder::Recorder,
    setting::Setting,
    traffic::{clash, udp},
    world::{NODE, SERVER, World},
};

const FOUR_PORTS: &str = "table ip few {
    chain after { type nat hook postrouting priority 100; oifname eth1 meta l4proto udp snat to 10.8.0.1:1024-1027; }
}";

/// Flows that may clash with themselves.
const PAIRS: u16 = 300;
const ATTEMPTS: u16 = 8;
/// The kernel's counters, by the column of its statistics; the last is not on 5.10.
const COUNTERS: [(&str, &str); 5] = [
    ("drop", "drop"),
    ("early_drop", "early_drop"),
    ("insert_failed", "insert_failed"),
    ("clash_resolve", "clashres"),
    ("chaintoolong", "chainlength"),
];
const ENOUGH: f64 = 0.999;

pub(crate) fn run() -> Result<()> {
    let world = World::create("proof")?;
    let _server = world.add_server()?;
    world.load_rules(FOUR_PORTS)?;
    world.load_rules(&clash::slow())?;
    let netns = world.node.inode()?;
    let _buckets = Setting::buckets(4096)?;
    let max = Setting::max(8_000)?;
    let before = world.figures()?;
    let drops = Drops::start(&[], false)?;
    let recorder = Recorder::start(&[])?;
    let file = recorder.file().to_string_lossy().into_owned();
    suffer(&world, &before)?;
    drop(max);
    let max = Setting::max(300)?;
    for port in [514, 443] {
        world
            .client
            .run(|| udp::from_ports((NODE, port).into(), 30_001..=36_000))?;
    }
    // Above 95 % of its limit the garbage collector goes on evicting, also between the recorder's last figures and ours.
    drop(max);
    let recording = recorder.stop()?;
    let told = drops.stop()?;
    let after = world.figures()?;
    recording.agrees(netns, &before, &after)?;
    let report = command::run("ctwatch", &["report", "-o", "json", &file])?;
    let report: Value = serde_json::from_str(&report)?;
    for (who, ledger) in [("the recording", &report["ledger"]), ("drops", &told.summary["ledger"])] {
        let proof = proof(ledger, netns).with_context(|| format!("no proof in {ledger}"))?;
        for (counter, column) in COUNTERS {
            let Ok(kernel) = after.grown(&before, column) else { continue };
            explained(&format!("{who}: {counter}"), &proof[counter], kernel)?;
        }
    }
    for column in ["drop", "early_drop", "insert_failed"] {
        let grown = after.grown(&before, column)?;
        holds(&format!("the kernel's {column} of {grown}"), grown > 0)?;
    }
    Ok(())
}

/// NAT runs out of ports, and packets of one flow meet.
fn suffer(world: &World, before: &Figures) -> Result<()> {
    world.client.run(|| {
        udp::from_ports((SERVER, 123).into(), 20_001..=20_150)?;
        (0..ATTEMPTS).try_for_each(|attempt| {
            if world.figures()?.grown(before, "clashres")? > 0 {
                return Ok(());
            }
            let first = 1_000 + attempt * PAIRS;
            clash::collide(NODE, 20_001, first..first + PAIRS)
        })
    })
}

fn proof(ledger: &Value, netns: u64) -> Option<&Value> {
    let rows = ledger["namespaces"].as_array()?;
    rows.iter().find(|row| row["netns"] == netns)?.get("proof")
}

fn explained(what: &str, account: &Value, kernel: i64) -> Result<()> {
    equal(&format!("{what}: the kernel's"), account["kernel"].as_i64(), Some(kernel))?;
    if kernel == 0 {
        return equal(what, account["explained"].as_i64(), Some(0));
    }
    let share = account["share"].as_f64().with_context(|| format!("{what} has no share: {account}"))?;
    holds(&format!("{what} is explained: {account}"), (ENOUGH..=2.0 - ENOUGH).contains(&share))
}
