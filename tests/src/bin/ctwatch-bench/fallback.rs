//! A node that makes as many flows as it can: how many in a second alone, while the recorder listens to events, and
//! once that has become too dear.

use std::{
    fs,
    net::UdpSocket,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::sys::socket::{setsockopt, sockopt::RcvBuf};
use serde::Serialize;

use super::{
    clock::of_family,
    ctwatch::Recorder,
    frames::Sender,
    node::{self, NODE},
    reader::listens,
};

const RESULT: &str = "/out/fallback.json";
const SECOND: Duration = Duration::from_secs(1);
/// Seconds of the stretches before and after.
const SECONDS: usize = 4;
/// By then it must have given up.
const PATIENCE: usize = 45;
const FIRST_PORT: u16 = 7_001;
const PORTS: u16 = 20;
const FIRST_SOURCE: u16 = 10_000;
const SOURCES: u16 = 50_000;

/// In each second.
#[derive(Default, Serialize)]
struct Busy {
    alone: Vec<Second>,
    listening: Vec<Second>,
    given_up: Vec<Second>,
}

#[derive(Serialize)]
struct Second {
    flows: u64,
    /// CPU time of the recorder, in nanoseconds.
    recorder_ns: u64,
}

pub(crate) fn run() -> Result<()> {
    node::make()?;
    node::track()?;
    node::set("net.netfilter.nf_conntrack_max", "1048576")?;
    node::set("net.netfilter.nf_conntrack_udp_timeout", "5")?;
    let mut flows = Flows::open()?;
    let mut busy = Busy::default();
    for _ in 0..SECONDS {
        let flows = flows.second()?;
        println!("{flows} flows alone");
        busy.alone.push(Second {
            flows,
            recorder_ns: 0,
        });
    }
    let recorder = Recorder::start(&["-i", "1s", "--source", "netlink"], "/tmp/bench.db")?;
    let mut used = of_family(recorder.pid())?;
    while busy.given_up.len() < SECONDS {
        let listening = listens(recorder.pid())?;
        let flows = flows.second()?;
        let now = of_family(recorder.pid())?;
        let second = Second {
            flows,
            recorder_ns: now - std::mem::replace(&mut used, now),
        };
        println!(
            "{flows} flows, recorder {} ms",
            second.recorder_ns / 1_000_000
        );
        if listening {
            busy.listening.push(second);
        } else {
            busy.given_up.push(second);
        }
        if busy.listening.len() > PATIENCE {
            bail!("still listening after {PATIENCE} s");
        }
    }
    recorder.end()?;
    fs::write(RESULT, serde_json::to_vec(&busy)?).with_context(|| format!("cannot write {RESULT}"))
}

/// One after the other, as fast as they go.
struct Flows {
    sender: Sender,
    next: u64,
    /// Nobody reads them: all packets end at the same place.
    _services: Vec<UdpSocket>,
}

impl Flows {
    fn open() -> Result<Self> {
        let services = (FIRST_PORT..FIRST_PORT + PORTS).map(|port| {
            let service = UdpSocket::bind((NODE, port))?;
            setsockopt(&service, RcvBuf, &1)?;
            Ok(service)
        });
        Ok(Self {
            sender: Sender::open()?,
            next: 0,
            _services: services.collect::<Result<_>>()?,
        })
    }

    /// Flows begun in a second. Each is another one than those of the last seconds, whose entries are still there.
    fn second(&mut self) -> Result<u64> {
        let (first, began) = (self.next, Instant::now());
        while began.elapsed() < SECOND {
            for _ in 0..100 {
                let source = FIRST_SOURCE + (self.next % u64::from(SOURCES)) as u16;
                let port = FIRST_PORT + (self.next / u64::from(SOURCES) % u64::from(PORTS)) as u16;
                self.sender.send(source, port)?;
                self.next += 1;
            }
        }
        Ok(self.next - first)
    }
}
