//! What a recording costs. Run it alone and optimised:
//! `cargo test --profile lab -p ctwatch --test recording -- --ignored --nocapture speed`

use std::{fs, time::Instant};

use ctwatch::{
    model::{ledger::Ledger, node::Node, sample::Sample},
    recording::{Writer, open},
};

use crate::killed::{header, sample};

/// Kilobytes of memory this process ever held.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A sample in which `changed` of 65,536 endpoints changed.
fn busy(number: u64, changed: usize) -> Sample {
    let mut busy = sample(number);
    let (template, counters) = busy.deltas[0];
    let delta = |slot: usize| {
        let mut endpoint = template;
        endpoint.port = u16::try_from(slot % 65_536).unwrap();
        (endpoint, counters)
    };
    let first = usize::try_from(number).unwrap() * 97;
    busy.deltas = (first..first + changed).map(delta).collect();
    busy
}

#[test]
#[ignore = "measures, and wants the machine for itself"]
fn speed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("speed.db");
    let mut writer = Writer::create(&path, false, &header(), &Node::default()).unwrap();
    for (changed, samples) in [(65_536, 5), (65_536, 5), (0, 100), (50, 100), (500, 3_600)] {
        let samples: Vec<Sample> = (1..=samples).map(|number| busy(number, changed)).collect();
        let before = Instant::now();
        for sample in &samples {
            writer.sample(sample).unwrap();
        }
        let each = before.elapsed() / u32::try_from(samples.len()).unwrap();
        println!("{changed} changed endpoints: {each:?} a sample");
    }
    let before = Instant::now();
    writer.finish(1, &Ledger::default()).unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    println!(
        "finished in {:?}, {bytes} bytes; peak {} kB",
        before.elapsed(),
        peak_kb()
    );
    let before = Instant::now();
    let samples = open(&path).unwrap().samples.len();
    println!(
        "read {samples} samples in {:?}; peak {} kB",
        before.elapsed(),
        peak_kb()
    );
}
