//! What one flow, connection, ended entry and packet cost, in instructions, under each condition.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    ctwatch::Recorder,
    flows::{FLOWS, Flows},
    node,
    programs::{self, Runs},
    table::Flusher,
    tcp::{CONNECTIONS, Connections},
};

const RESULT: &str = "/out/costs.json";
/// The first warms slabs and caches of the kernel's and is left out.
const ROUNDS: usize = 3;

/// All that is measured in one boot.
#[derive(Serialize)]
struct Boot {
    conditions: Vec<Costs>,
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
    tcp_connection: Vec<f64>,
}

pub(crate) fn run() -> Result<()> {
    node::make()?;
    let mut bench = Bench::open()?;
    let mut conditions = vec![bench.measure("not engaged", false)?];
    node::track()?;
    conditions.push(bench.measure("tracked", true)?);
    node::untrack()?;
    conditions.push(bench.measure("NOTRACK", false)?);
    node::track_again()?;
    let recorder = Recorder::start(&["-i", "10s"], "/tmp/bench.db")?;
    conditions.push(bench.measure("ctwatch", true)?);
    let programs = programs::during(|| bench.flows.round(true).map(drop))?;
    recorder.end()?;
    conditions.push(bench.measure("tracked again", true)?);
    let boot = Boot {
        conditions,
        programs,
    };
    fs::write(RESULT, serde_json::to_vec(&boot)?).with_context(|| format!("cannot write {RESULT}"))
}

/// Whoever uses the node.
pub(crate) struct Bench {
    pub(crate) flows: Flows,
    connections: Connections,
}

impl Bench {
    /// Of the node that [`node::make`] made.
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            flows: Flows::open()?,
            connections: Connections::open()?,
        })
    }

    /// Rounds under one condition.
    pub(crate) fn measure(&mut self, condition: &'static str, tracked: bool) -> Result<Costs> {
        let mut costs = Costs {
            condition,
            ..Costs::default()
        };
        for round in 0..=ROUNDS {
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
            costs
                .ended_entry
                .extend(udp.ended.map(|ended| ended as f64 / flows));
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
