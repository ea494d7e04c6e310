//! The clock is set forward and back by an hour while a recording runs: counts stay exact, time elapsed goes on as it
//! did, and the report's window, rates and lifetimes are those of the time that passed.

use std::{
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::{
    check::{equal, holds},
    command,
    recorder::Recorder,
    recording::Recording,
    traffic::udp,
    world::{NODE, World},
};

const HOUR: i64 = 3600;

pub(crate) fn run() -> Result<()> {
    let clock = Clock::read()?;
    let world = World::create("steps")?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let began = Instant::now();
    let recorder = Recorder::start(&[])?;
    let file = recorder.file().to_string_lossy().into_owned();
    let mut first = 20_001;
    for step in [0, HOUR, -HOUR, 0] {
        clock.set(step)?;
        world
            .client
            .run(|| udp::from_ports((NODE, 53).into(), first..=first + 99))?;
        first += 100;
        sleep(Duration::from_secs(1));
    }
    world.conntrack(&["-F"])?;
    let recording = recorder.stop()?;
    let passed = began.elapsed().as_secs_f64();
    recording.agrees(netns, &before, &world.figures()?)?;
    let of = format!("n.inode = {netns} AND port = 53");
    equal("inserted", recording.sum("inserted", &of)?, 400)?;
    equal("deleted", recording.sum("deleted", &of)?, 400)?;
    times(&recording, &of, passed)?;
    let document = command::run("ctwatch", &["report", "-o", "json", &file])?;
    report(&serde_json::from_str(&document)?, netns, passed)
}

/// Time elapsed never goes back, and ages are at most what passed.
fn times(recording: &Recording, of: &str, passed: f64) -> Result<()> {
    let back = "SELECT count(*) FROM sample a JOIN sample b ON b.id = a.id + 1 WHERE b.elapsed_ms < a.elapsed_ms";
    equal("samples that go back in time", recording.number(back)?, 0)?;
    let elapsed = recording.number("SELECT max(elapsed_ms) FROM sample")? as f64 / 1000.0;
    holds(&format!("{elapsed} s elapsed of {passed} s"), (4.0..=passed).contains(&elapsed))?;
    let age = recording.sum("age_ms", of)? as f64 / 1000.0 / 400.0;
    holds(&format!("a mean age of {age} s of {passed} s"), (0.5..=passed).contains(&age))
}

fn report(document: &Value, netns: u64, passed: f64) -> Result<()> {
    let number = |value: &Value, what: &str| {
        let number = value[what].as_f64();
        number.with_context(|| format!("the report has no {what}: {value}"))
    };
    let window = number(&document["source"], "window_seconds")?;
    holds(&format!("a window of {window} s of {passed} s"), (4.0..=passed).contains(&window))?;
    let ports = document["ports"].as_array().context("no ports")?;
    let port = ports.iter().find(|port| port["netns"] == netns && port["port"] == 53);
    let port = port.context("the report has no port 53")?;
    let new = number(port, "new_per_second")?;
    holds(&format!("{new} new a second are 400 in {window} s"), (new * window - 400.0).abs() < 1.0)?;
    let lifetime = number(port, "mean_lifetime_seconds")?;
    holds(&format!("a mean lifetime of {lifetime} s"), (0.5..=passed).contains(&lifetime))?;
    let row = document["namespaces"].as_array().context("no namespaces")?;
    let row = row.iter().find(|row| row["netns"] == netns).context("no namespace")?;
    let course = row["course"].as_array().context("no course")?;
    let mut seconds = 0.0;
    for stretch in course {
        let length = number(stretch, "seconds")?;
        holds(&format!("a stretch of {length} s"), (0.0..=passed).contains(&length))?;
        seconds += length;
    }
    holds(&format!("stretches of {seconds} s in all"), seconds <= passed)
}

/// The clock as it would be without steps; dropped, it is that again.
struct Clock(Instant, Duration);

impl Clock {
    fn read() -> Result<Self> {
        Ok(Self(Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH)?))
    }

    /// Sets it off by so many seconds.
    fn set(&self, off: i64) -> Result<()> {
        let now = (self.1 + self.0.elapsed()).as_secs().cast_signed();
        command::run("date", &["-s", &format!("@{}", now + off)]).map(drop)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = self.set(0);
    }
}
