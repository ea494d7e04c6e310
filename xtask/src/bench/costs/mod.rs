//! What watching costs whoever uses the node: instructions by condition, the least of all rounds and boots.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;

use super::guest::Program;

mod figure;
mod figures;
mod limits;
mod table;

pub(super) use figures::Figures;

/// Conditions as the guest names them.
const TRACKED: &str = "tracked";
/// Shows that nothing is left behind, and how far apart two measurements of the same are.
const ENDED: &str = "tracked again";

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Only what changes with the kernel programs, in fewer rounds.
    Quick,
}

/// What one boot tells.
#[derive(Deserialize)]
struct Boot {
    conditions: Vec<Rounds>,
}

/// Instructions each, by round.
#[derive(Deserialize)]
struct Rounds {
    condition: String,
    absent: Option<String>,
    udp_flow: Vec<f64>,
    packet: Vec<f64>,
    ended_entry: Vec<f64>,
    udp_flow_and_end: Vec<f64>,
    tcp_connection: Vec<f64>,
    programs: BTreeMap<String, Runs>,
}

/// Of one program in a round.
#[derive(Clone, Copy, Deserialize)]
struct Runs {
    runs: u64,
    instructions: u64,
}

/// Boots so many times.
pub(super) fn measure(program: &Program, extent: Extent, boots: u32) -> Result<Figures> {
    let arguments: &[&str] = match extent {
        Extent::Whole => &[],
        Extent::Quick => &["--quick"],
    };
    let mut done = Vec::new();
    let mut kernel = String::new();
    for boot in 1..=boots {
        eprintln!("costs of watching, boot {boot} of {boots}");
        let (result, release) = program.run_with::<Boot>("costs", arguments)?;
        done.push(result);
        kernel = release;
    }
    Figures::of(&done, kernel)
}
