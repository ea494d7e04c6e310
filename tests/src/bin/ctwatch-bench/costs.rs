//! What one flow, connection, ended entry and packet cost, in instructions, under each condition.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    ctwatch::{Recorder, Started},
    flows::{FLOWS, Flows},
    node,
    programs::{self, Runs},
    table::Flusher,
    tcp::{CONNECTIONS, Connections},
};

const RESULT: &str = "/out/costs.json";
/// Rounds that count: of a whole measurement, and where the costs alone are wanted quickly.
pub(crate) const ROUNDS: usize = 3;
const QUICK_ROUNDS: usize = 2;

/// Condition, and what `record --source` is told.
const SOURCES: [(&str, &str); 2] = [("ctwatch, fentry", "fentry"), ("ctwatch, kprobe", "kprobe")];

/// All that is measured in one boot.
#[derive(Serialize)]
struct Boot {
    conditions: Vec<Condition>,
}

/// One condition.
#[derive(Serialize)]
struct Condition {
    #[serde(flatten)]
    costs: Costs,
    /// Why it was not measured.
    absent: Option<String>,
    /// By program, of [`FLOWS`] flows that begin and are flushed, in a round of its own.
    programs: BTreeMap<String, Runs>,
}

/// Instructions each, one element a round.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Costs {
    condition: &'static str,
    udp_flow: Vec<f64>,
    packet: Vec<f64>,
    ended_entry: Vec<f64>,
    /// A flow's beginning and its end.
    udp_flow_and_end: Vec<f64>,
    tcp_connection: Vec<f64>,
}

/// All conditions; `quick`: only those that an optimisation of the kernel programs moves, and their control.
pub(crate) fn run(quick: bool) -> Result<()> {
    node::make()?;
    let mut bench = Bench::open(if quick { QUICK_ROUNDS } else { ROUNDS })?;
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
    for (condition, source) in SOURCES {
        conditions.push(bench.watched(condition, source)?);
    }
    conditions.push(bench.measure("tracked again", true)?.into());
    let boot = Boot { conditions };
    fs::write(RESULT, serde_json::to_vec(&boot)?).with_context(|| format!("cannot write {RESULT}"))
}

impl From<Costs> for Condition {
    fn from(costs: Costs) -> Self {
        Self {
            costs,
            absent: None,
            programs: BTreeMap::new(),
        }
    }
}

impl Condition {
    fn absent(condition: &'static str, reason: String) -> Self {
        println!("{condition}: not measured: {reason}");
        let costs = Costs {
            condition,
            ..Costs::default()
        };
        Self {
            absent: Some(reason),
            ..Self::from(costs)
        }
    }
}

/// Whoever uses the node.
pub(crate) struct Bench {
    pub(crate) flows: Flows,
    connections: Connections,
    rounds: usize,
}

impl Bench {
    /// Of the node that [`node::make`] made. So many `rounds` count; one more, the first, warms slabs and caches of the
    /// kernel's and is left out.
    pub(crate) fn open(rounds: usize) -> Result<Self> {
        Ok(Self {
            flows: Flows::open()?,
            connections: Connections::open()?,
            rounds,
        })
    }

    /// Rounds beside `ctwatch record --source`.
    fn watched(&mut self, condition: &'static str, source: &str) -> Result<Condition> {
        let options = ["-i", "10s", "--source", source];
        let recorder = match Recorder::try_start(&options, "/tmp/bench.db")? {
            Started::Yes(recorder) => recorder,
            Started::No(reason) => return Ok(Condition::absent(condition, reason)),
        };
        let costs = self.measure(condition, true)?;
        let programs = programs::during(|| self.flows.round(true).map(drop))?;
        recorder.end()?;
        Ok(Condition {
            programs,
            ..costs.into()
        })
    }

    /// Rounds under one condition.
    pub(crate) fn measure(&mut self, condition: &'static str, tracked: bool) -> Result<Costs> {
        let mut costs = Costs {
            condition,
            ..Costs::default()
        };
        for round in 0..=self.rounds {
            let udp = self.flows.round(tracked)?;
            node::rest();
            let tcp = self.connections.round(self.flows.meter)?;
            if tracked {
                Flusher::open()?.flush()?;
            }
            if round == 0 {
                continue;
            }
            let flows = f64::from(FLOWS);
            costs.udp_flow.push(udp.new as f64 / flows);
            costs.packet.push(udp.existing as f64 / flows);
            if let Some(ended) = udp.ended {
                costs.ended_entry.push(ended as f64 / flows);
                costs
                    .udp_flow_and_end
                    .push((udp.new + ended) as f64 / flows);
            }
            costs
                .tcp_connection
                .push(tcp as f64 / f64::from(CONNECTIONS));
        }
        println!(
            "{condition}: {:.0} instructions a UDP flow",
            costs.udp_flow.iter().copied().fold(f64::INFINITY, f64::min)
        );
        Ok(costs)
    }
}
