//! `drops` ends after as many events as were asked for, and when nobody reads it any more, though nothing happens.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::lab::{
    check::{equal, holds},
    drops::Drops,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run() -> Result<()> {
    limited()?;
    unread()
}

fn limited() -> Result<()> {
    let world = World::create("limited")?;
    let _buckets = Setting::buckets(4096)?;
    let _max = Setting::max(100)?;
    let drops = Drops::start(&["--limit", "5", "--netns", world.node.name()], false)?;
    world
        .client
        .run(|| udp::from_ports((NODE, 514).into(), 20_001..=20_300))?;
    let shown = drops.ended()?;
    equal("events", shown.events.len(), 5)?;
    equal("shown", shown.figure("shown")?, 5)
}

fn unread() -> Result<()> {
    let mut child = Command::new("ctwatch")
        .arg("drops")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run ctwatch")?;
    let mut heading = String::new();
    let stdout = child.stdout.take().context("no output")?;
    BufReader::new(stdout).read_line(&mut heading)?;
    holds("a heading comes first", heading.starts_with("TIME "))?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            bail!("it goes on though nobody reads");
        }
        sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output()?;
    holds("a closed pipe is no error", output.status.success())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    holds("the summary is told", said.contains(" events shown, 0 suppressed"))
}
