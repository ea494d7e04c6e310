//! The recorder is killed in mid-recording: this test starts itself again as the recorder.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use ctwatch::{
    model::{
        counters::Counters,
        endpoint::{Endpoint, Family, Netns, Protocol, Role},
        node::Node,
        recording::{Backend, Header},
        sample::{Losses, Sample},
        unobserved::Unobserved,
    },
    recording::{Writer, open},
};

const TARGET: &str = "CTWATCH_TEST_RECORDING";
const ENDPOINTS: u16 = 2_000;

pub(crate) fn header() -> Header {
    Header {
        version: "0.0.0".to_owned(),
        started_ms: 1_000_000,
        interval_ms: 1_000,
        backend: Backend::Kprobe,
        degraded: Vec::new(),
        unobserved: Unobserved::default(),
    }
}

/// Sample `number`, with `ENDPOINTS` deltas that carry its number.
pub(crate) fn sample(number: u64) -> Sample {
    let netns = Netns {
        cookie: 1,
        inode: 1,
    };
    let delta = |port| {
        let endpoint = Endpoint {
            netns,
            family: Family::Ipv4,
            protocol: Protocol::TCP,
            role: Some(Role::Inbound),
            port,
            address: None,
        };
        let counters = Counters {
            inserted: number,
            ..Counters::default()
        };
        (endpoint, counters)
    };
    Sample {
        at_ms: 1_000_000 + number.cast_signed() * 1_000,
        elapsed_ms: number * 1_000,
        deltas: (0..ENDPOINTS).map(delta).collect(),
        unattributed: Counters::default(),
        evictions: Vec::new(),
        tables: Vec::new(),
        losses: Losses::default(),
    }
}

#[test]
#[ignore = "the recorder that the tests below kill"]
fn recorder() {
    let Some(path) = env::var_os(TARGET) else {
        return;
    };
    let mut writer = Writer::create(Path::new(&path), false, &header(), &Node::default()).unwrap();
    for number in 1.. {
        writer.sample(&sample(number)).unwrap();
        println!("\ncommitted {number}");
        std::io::stdout().flush().unwrap();
    }
}

fn start(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "killed::recorder", "--nocapture"])
        .env(TARGET, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the recorder some time after `least` samples, and gives the last it said was committed.
fn kill_after(path: &Path, least: u64) -> u64 {
    let mut child = start(path);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let committed = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok())
        .inspect(|number| {
            if *number == least {
                child.kill().unwrap();
            }
        })
        .last()
        .unwrap();
    child.wait().unwrap();
    committed
}

fn require_all_but_the_last(path: &Path, committed: u64) {
    let recording = open(path).unwrap();
    assert_eq!(recording.ended_ms, None);
    let read = u64::try_from(recording.samples.len()).unwrap();
    assert!(
        read == committed || read == committed + 1,
        "{read} of {committed}"
    );
    for (number, read) in (1..).zip(&recording.samples) {
        assert_eq!(*read, sample(number));
    }
}

#[test]
fn a_killed_recorder_loses_at_most_the_sample_in_flight() {
    for least in [1, 7, 30] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("killed.db");
        let committed = kill_after(&path, least);
        assert!(directory.path().join("killed.db-wal").exists());
        require_all_but_the_last(&path, committed);
    }
}

#[test]
fn a_killed_recording_can_be_moved_with_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("killed.db");
    let committed = kill_after(&path, 5);
    let moved = directory.path().join("moved.db");
    fs::copy(&path, &moved).unwrap();
    fs::copy(
        directory.path().join("killed.db-wal"),
        directory.path().join("moved.db-wal"),
    )
    .unwrap();
    require_all_but_the_last(&moved, committed);
}
