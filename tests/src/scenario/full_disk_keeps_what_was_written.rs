//! A disk that fills up ends the recording with an error that says so; what was written before can be read.

use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::lab::{
    check::{equal, holds},
    command,
    traffic::udp,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("disk")?;
    let dir = TempDir::new()?;
    let disk = dir.path().to_str().context("an odd path")?;
    command::run("mount", &["-t", "tmpfs", "-o", "size=700k", "tmpfs", disk])?;
    let result = fill(&world, disk);
    command::run("umount", &[disk])?;
    result
}

fn fill(world: &World, disk: &str) -> Result<()> {
    let file = format!("{disk}/ctwatch.db");
    let mut recorder = Command::new("ctwatch")
        .args(["record", "-i", "100ms", "-d", "30s", "-f", &file])
        .stderr(Stdio::piped())
        .spawn()?;
    // Many endpoints make large samples.
    let deadline = Instant::now() + Duration::from_secs(25);
    let mut first = 1;
    while recorder.try_wait()?.is_none() && Instant::now() < deadline {
        world
            .client
            .run(|| udp::to_ports(NODE, 20_001, first..=first + 999))?;
        first = (first + 1000) % 60_000;
        sleep(Duration::from_millis(100));
    }
    let output = recorder.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    equal(&format!("exit status (it said {said:?})"), output.status.code(), Some(2))?;
    equal("lines", said.lines().count(), 1)?;
    holds("the error names the disk", said.contains("no space left for"))?;
    let report = command::output("ctwatch", &["report", "-o", "json", &file], "")?;
    let said = String::from_utf8_lossy(&report.stderr);
    equal(&format!("report's exit status (it said {said:?})"), report.status.code(), Some(0))
}
