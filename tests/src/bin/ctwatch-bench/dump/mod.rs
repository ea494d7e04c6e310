//! A dump of a million entries, on this machine: the socket drained, ctwatch's model, `conntrack -L` and
//! /proc/net/nf_conntrack, in turns.

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, unshare};
use serde::Serialize;

use super::table::{self, Flusher};

mod fill;
mod limit;
mod reading;

pub(crate) use fill::{Answers, Shape, fill};
pub(crate) use reading::{Way, once};

use limit::Raised;
use reading::Reading;

const ENTRIES: u32 = 1_000_000;
const ROUNDS: usize = 5;

/// Address whose services the entries use.
const SERVICE: [u8; 4] = [203, 0, 113, 10];
const SERVICE_IPV6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];

const SHAPES: [Shape; 3] = [
    Shape {
        name: "1,000 clients, 20 ports",
        clients: 1_000,
        ports: 20,
        ipv6: false,
        answers: Answers::Most,
    },
    Shape {
        name: "1,000,000 clients, 20 ports",
        clients: ENTRIES,
        ports: 20,
        ipv6: false,
        answers: Answers::Most,
    },
    Shape {
        name: "1,000,000 clients, IPv6, 65,535 ports",
        clients: ENTRIES,
        ports: 65_535,
        ipv6: true,
        answers: Answers::Most,
    },
];

/// All that was measured.
#[derive(Serialize)]
struct Dumps {
    entries: u32,
    tables: Vec<Table>,
}

/// One table, read by each of the ways.
#[derive(Serialize)]
struct Table {
    table: &'static str,
    ways: Vec<Rounds>,
}

/// One way, an element a round.
#[derive(Serialize)]
struct Rounds {
    way: &'static str,
    readings: Vec<Reading>,
}

/// Fills a namespace of its own, again for each shape, and reads it.
pub(crate) fn run() -> Result<()> {
    let _raised = Raised::to(ENTRIES + ENTRIES / 8)?;
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    let mut tables = Vec::new();
    for shape in SHAPES {
        eprintln!("  {ENTRIES} entries: {}", shape.name);
        fill(&shape, ENTRIES)?;
        tables.push(measure(shape.name)?);
        Flusher::open()?.flush()?;
    }
    let dumps = Dumps {
        entries: ENTRIES,
        tables,
    };
    println!("{}", serde_json::to_string(&dumps)?);
    Ok(())
}

/// Reads the table in each way in turn, again and again.
fn measure(table: &'static str) -> Result<Table> {
    let entries = table::count()?;
    anyhow::ensure!(
        entries == u64::from(ENTRIES),
        "the table has {entries} entries"
    );
    let mut ways = Way::ALL.map(|way| Rounds {
        way: way.name(),
        readings: Vec::new(),
    });
    for _ in 0..ROUNDS {
        for (rounds, way) in ways.iter_mut().zip(Way::ALL) {
            rounds.readings.extend(way.read()?);
        }
    }
    Ok(Table {
        table,
        ways: ways.into(),
    })
}
