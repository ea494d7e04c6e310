//! What a program costs that reads conntrack's events: on the back of whoever makes them, and itself.

use anyhow::{Result, ensure};
use nix::unistd::Pid;
use serde::Serialize;

use super::bench::{Bench, Costs};
use crate::{clock::Meter, flows::FLOWS, node, reader::Reader, tcp::CONNECTIONS};

/// CPU time of the reader, in instructions, and what it missed.
#[derive(Serialize)]
pub(super) struct Read {
    /// Messages that a round of flows, begun and flushed, made for this reader.
    messages: u64,
    dropped: u64,
    /// A flow, begun and ended.
    udp_flow: f64,
    tcp_connection: f64,
}

/// `messages` are those a flow makes for this reader.
pub(super) fn measure(
    bench: &mut Bench,
    condition: &'static str,
    pid: Pid,
    messages: u64,
) -> Result<(Costs, Read)> {
    bench.flows.meter = Meter::AllBut(pid);
    let costs = bench.measure(condition, true)?;
    let udp = during(pid, || bench.flows.round(true).map(drop))?;
    let tcp = during(pid, || bench.connections.round(Meter::Process).map(drop))?;
    bench.clear()?;
    let made = messages * u64::from(FLOWS);
    ensure!(udp.dropped <= made, "{} messages dropped", udp.dropped);
    println!("{condition}: {} of {made} messages lost", udp.dropped);
    let read = Read {
        messages: made,
        dropped: udp.dropped,
        udp_flow: udp.cpu_ns as f64 / f64::from(FLOWS),
        tcp_connection: tcp.cpu_ns as f64 / f64::from(CONNECTIONS),
    };
    Ok((costs, read))
}

/// Of one round, until the reader has caught up. A round that is repeated counts each time: too much rather than too
/// little.
fn during(pid: Pid, work: impl FnOnce() -> Result<()>) -> Result<Reader> {
    node::rest();
    let before = Reader::of(pid)?;
    work()?;
    node::catch_up();
    Ok(Reader::of(pid)?.since(before))
}
