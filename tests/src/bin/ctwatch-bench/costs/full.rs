//! A full table: what a connection costs that is refused, and one that is let in for others that are evicted.

use std::net::UdpSocket;

use anyhow::{Result, bail};
use nix::{
    sys::socket::{setsockopt, sockopt::RcvBuf},
    unistd::Pid,
};
use serde::Serialize;

use super::ROUNDS;
use crate::{
    clock::{Meter, of_family},
    dump::{Answers, Shape, fill},
    flows::{FLOWS, SOURCES},
    frames::Sender,
    node::{self, NODE},
    table::{Flusher, Stat},
    watcher::{FULL, Started, Watcher},
};

/// What the table holds, in as many buckets, which is the default of 5.15 and later.
const ENTRIES: u32 = 16_384;
/// Services, one a round, so that each round's flows are new; some rounds are disturbed.
const FIRST_PORT: u16 = 7_001;
const PORTS: u16 = 16;

/// Entries that early drop spares, of services that nobody asks.
const ASSURED: Shape = Shape {
    name: "assured",
    clients: 1_000,
    ports: 20,
    ipv6: false,
    answers: Answers::All,
};

/// Instructions each, one element a round.
#[derive(Default, Serialize)]
pub(super) struct Full {
    condition: &'static str,
    absent: Option<String>,
    /// A connection that is refused, while the table is full of assured entries.
    refused: Vec<f64>,
    /// A flow that gets in, while the table is full of entries without a reply; some evict several, the next none.
    evicting: Vec<f64>,
    /// Entries evicted for one flow.
    evicted: Vec<f64>,
    /// CPU time of a program that prints events: for each refused connection, and for each flow that gets in.
    reader_refused: Vec<f64>,
    reader_evicting: Vec<f64>,
}

/// With nobody who watches, and beside each watcher.
pub(super) fn measure() -> Result<Vec<Full>> {
    node::limit(ENTRIES)?;
    let mut node = Node::open()?;
    let mut all = vec![node.rounds("tracked", None)?];
    for watcher in &FULL {
        all.push(node.beside(watcher));
    }
    Ok(all)
}

/// Whoever asks, and services that read nothing.
struct Node {
    sender: Sender,
    flusher: Flusher,
    _services: Vec<UdpSocket>,
}

impl Node {
    fn open() -> Result<Self> {
        let services = (FIRST_PORT..FIRST_PORT + PORTS).map(|port| {
            let service = UdpSocket::bind((NODE, port))?;
            setsockopt(&service, RcvBuf, &1)?;
            Ok(service)
        });
        Ok(Self {
            sender: Sender::open()?,
            flusher: Flusher::open()?,
            _services: services.collect::<Result<_>>()?,
        })
    }

    /// Where one fails, the others are worth having.
    fn beside(&mut self, watcher: &Watcher) -> Full {
        self.watched(watcher).unwrap_or_else(|error| {
            let reason = format!("{error:#}");
            println!("{}: not measured: {reason}", watcher.name);
            Full {
                condition: watcher.name,
                absent: Some(reason),
                ..Full::default()
            }
        })
    }

    fn watched(&mut self, watcher: &Watcher) -> Result<Full> {
        match watcher.start()? {
            Started::Yes(running) => {
                let reader = watcher.streams.then(|| running.pid());
                let full = self.rounds(watcher.name, reader)?;
                running.end()?;
                Ok(full)
            }
            Started::No(reason) => bail!("{reason}"),
        }
    }

    /// The first round of each kind warms up, and fills the table with entries that can be evicted.
    fn rounds(&mut self, condition: &'static str, reader: Option<Pid>) -> Result<Full> {
        self.flusher.flush()?;
        fill(&ASSURED, ENTRIES)?;
        let refused = self.bursts(reader, |burst| burst.refused == u64::from(FLOWS))?;
        self.flusher.flush()?;
        let evicting = self.bursts(reader, |burst| burst.refused == 0)?;
        let full = Full {
            condition,
            absent: None,
            refused: refused.iter().map(Burst::flow).collect(),
            evicting: evicting.iter().map(Burst::flow).collect(),
            evicted: evicting.iter().map(Burst::evicted).collect(),
            reader_refused: refused.iter().filter_map(Burst::reader).collect(),
            reader_evicting: evicting.iter().filter_map(Burst::reader).collect(),
        };
        println!(
            "{condition}: full table: {:.0} instructions to be refused, {:.0} to evict",
            full.refused.iter().copied().fold(f64::INFINITY, f64::min),
            full.evicting.iter().copied().fold(f64::INFINITY, f64::min),
        );
        Ok(full)
    }

    /// Those that count, all received on the back of this process.
    fn bursts(
        &mut self,
        reader: Option<Pid>,
        right: impl Fn(&Burst) -> bool,
    ) -> Result<Vec<Burst>> {
        let mut bursts = Vec::new();
        for (number, port) in (FIRST_PORT..FIRST_PORT + PORTS).enumerate() {
            let burst = self.burst(port, reader)?;
            if !right(&burst) {
                bail!("not what should become of {FLOWS} flows: {burst:?}");
            }
            if number > 0 && !burst.disturbed {
                bursts.push(burst);
            }
            if bursts.len() == ROUNDS {
                return Ok(bursts);
            }
        }
        bail!("ksoftirqd took part in most of {PORTS} rounds")
    }

    /// New flows to one service.
    fn burst(&mut self, port: u16, reader: Option<Pid>) -> Result<Burst> {
        node::rest();
        let used = |pid: Option<Pid>| pid.map(of_family).transpose();
        let (read, stat, waits) = (used(reader)?, Stat::read()?, self.sender.waits());
        let sender = &mut self.sender;
        let ns = Meter::Process.ns(|| sender.burst(SOURCES, port))?;
        let now = Stat::read()?;
        node::catch_up();
        Ok(Burst {
            ns,
            refused: now.drop - stat.drop,
            evicted: now.early_drop - stat.early_drop,
            reader_ns: used(reader)?.zip(read).map(|(now, before)| now - before),
            disturbed: self.sender.waits() != waits,
        })
    }
}

/// What came of [`FLOWS`] new flows.
#[derive(Debug)]
struct Burst {
    ns: u64,
    refused: u64,
    evicted: u64,
    reader_ns: Option<u64>,
    /// ksoftirqd took part, whose time is nobody's here.
    disturbed: bool,
}

impl Burst {
    fn flow(&self) -> f64 {
        self.ns as f64 / f64::from(FLOWS)
    }

    fn evicted(&self) -> f64 {
        self.evicted as f64 / f64::from(FLOWS)
    }

    fn reader(&self) -> Option<f64> {
        self.reader_ns.map(|ns| ns as f64 / f64::from(FLOWS))
    }
}
