//! Rounds of flows and connections while the table is healthy.

use anyhow::Result;
use serde::Serialize;

use super::ROUNDS;
use crate::{
    clock::Meter,
    flows::{FLOWS, Flows},
    node,
    table::Flusher,
    tcp::{CONNECTIONS, Connections},
};

/// Instructions each, one element a round.
#[derive(Debug, Default, Serialize)]
pub(super) struct Costs {
    pub(super) condition: &'static str,
    pub(super) udp_flow: Vec<f64>,
    packet: Vec<f64>,
    ended_entry: Vec<f64>,
    /// A flow's beginning and its end.
    udp_flow_and_end: Vec<f64>,
    tcp_connection: Vec<f64>,
}

impl Costs {
    /// Nothing measured yet.
    pub(super) fn of(condition: &'static str) -> Self {
        Self {
            condition,
            ..Self::default()
        }
    }
}

/// Whoever uses the node.
pub(super) struct Bench {
    pub(super) flows: Flows,
    pub(super) connections: Connections,
}

impl Bench {
    /// Of the node that [`node::make`] made.
    pub(super) fn open() -> Result<Self> {
        Ok(Self {
            flows: Flows::open()?,
            connections: Connections::open()?,
        })
    }

    /// Whatever happened before.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.flows.meter = Meter::Process;
        Flusher::open()?.flush()
    }

    /// Rounds under one condition. The first warms slabs and caches of the kernel's and is left out.
    pub(super) fn measure(&mut self, condition: &'static str, tracked: bool) -> Result<Costs> {
        let mut costs = Costs::of(condition);
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
