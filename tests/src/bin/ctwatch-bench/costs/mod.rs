//! What one flow, connection, ended entry and packet cost, in instructions, under each condition.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    node,
    programs::{self, Runs},
    watcher::{self, Started, Watcher},
};

mod bench;
mod full;
mod reading;

use bench::{Bench, Costs};
use full::Full;
use reading::Read;

const RESULT: &str = "/out/costs.json";
/// Rounds that count.
const ROUNDS: usize = 2;

/// All that is measured in one boot.
#[derive(Serialize)]
struct Boot {
    conditions: Vec<Condition>,
    full: Vec<Full>,
}

/// One condition while the table is healthy.
#[derive(Serialize)]
struct Condition {
    #[serde(flatten)]
    costs: Costs,
    /// Why it was not measured.
    absent: Option<String>,
    /// By program, of a round of flows that begin and are flushed, apart from the others.
    programs: BTreeMap<String, Runs>,
    /// What the messages cost that a program in the background reads.
    reader: Option<Read>,
}

/// All conditions; `quick`: only those that an optimisation of the kernel programs moves, and their control.
pub(crate) fn run(quick: bool) -> Result<()> {
    node::make()?;
    let mut bench = Bench::open()?;
    let mut conditions: Vec<Condition> = Vec::new();
    if !quick {
        conditions.push(bench.measure("not engaged", false)?.into());
    }
    node::track()?;
    conditions.push(bench.measure("tracked", true)?.into());
    if !quick {
        node::untrack()?;
        conditions.push(bench.measure("NOTRACK", false)?.into());
        node::track_again()?;
    }
    for watcher in &watcher::PROBES {
        conditions.push(watched(&mut bench, watcher)?);
    }
    conditions.push(bench.measure("tracked again", true)?.into());
    let mut full = Vec::new();
    if !quick {
        for watcher in &watcher::OTHERS {
            // Where one fails, the others are worth having.
            let condition = watched(&mut bench, watcher)
                .unwrap_or_else(|error| Condition::absent(watcher.name, format!("{error:#}")));
            conditions.push(condition);
            bench.clear()?;
        }
        full = full::measure()?;
    }
    let boot = Boot { conditions, full };
    fs::write(RESULT, serde_json::to_vec(&boot)?).with_context(|| format!("cannot write {RESULT}"))
}

/// Rounds beside a program in the background.
fn watched(bench: &mut Bench, watcher: &Watcher) -> Result<Condition> {
    let running = match watcher.start()? {
        Started::Yes(running) => running,
        Started::No(reason) => return Ok(Condition::absent(watcher.name, reason)),
    };
    let condition = match watcher.messages {
        Some(messages) => {
            let (costs, read) = reading::measure(bench, watcher.name, running.pid(), messages)?;
            Condition {
                reader: Some(read),
                ..costs.into()
            }
        }
        None => {
            let costs = bench.measure(watcher.name, true)?;
            Condition {
                programs: programs::during(|| bench.flows.round(true).map(drop))?,
                ..costs.into()
            }
        }
    };
    running.end()?;
    Ok(condition)
}

impl From<Costs> for Condition {
    fn from(costs: Costs) -> Self {
        Self {
            costs,
            absent: None,
            programs: BTreeMap::new(),
            reader: None,
        }
    }
}

impl Condition {
    fn absent(condition: &'static str, reason: String) -> Self {
        println!("{condition}: not measured: {reason}");
        Self {
            absent: Some(reason),
            ..Self::from(Costs::of(condition))
        }
    }
}
