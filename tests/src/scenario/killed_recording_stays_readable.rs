//! A recorder killed in the middle leaves what it wrote up to the last sample, and `ctwatch report` reads it.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::lab::{
    check::{equal, holds},
    command,
    recorder::Recorder,
    traffic::udp,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("killed")?;
    let netns = world.node.inode()?;
    let mut recorder = Recorder::start(&[])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_200))?;
    // Several intervals: only the one in flight may be missing.
    sleep(Duration::from_secs(1));
    let status = recorder.signal(Signal::SIGKILL)?;
    equal("exit status", status.code(), None)?;
    let file = recorder.file();
    let file = file.to_str().context("an odd path")?;
    let report = command::output("ctwatch", &["report", "-o", "json", file], "")?;
    equal("exit status of report", report.status.code(), Some(0))?;
    let said = String::from_utf8_lossy(&report.stderr);
    holds("report says that it did not end in order", said.contains("did not end in order"))?;
    let document: serde_json::Value = serde_json::from_slice(&report.stdout)?;
    equal("schema_version", document["schema_version"].as_u64(), Some(1))?;
    let recording = recorder.recording()?;
    let of = format!("n.inode = {netns} AND port = 53");
    equal("inserted", recording.sum("inserted", &of)?, 200)?;
    let ended = recording.number("SELECT count(ended_ms) FROM recording")?;
    equal("recordings that ended in order", ended, 0)
}
