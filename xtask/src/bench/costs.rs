//! What the probes cost: minimum over all rounds and boots, and how far the boots are apart.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guest::Program;

const TRACKED: &str = "tracked";

/// What one boot tells.
#[derive(Deserialize)]
struct Boot {
    conditions: Vec<Rounds>,
    programs: BTreeMap<String, Runs>,
}

/// Instructions each, by round.
#[derive(Deserialize)]
struct Rounds {
    condition: String,
    udp_flow: Vec<f64>,
    packet: Vec<f64>,
    ended_entry: Vec<f64>,
    tcp_connection: Vec<f64>,
}

#[derive(Deserialize)]
struct Runs {
    runs: u64,
    instructions: u64,
}

/// Instructions under each condition, and of each program.
#[derive(Serialize)]
pub(super) struct Figures {
    boots: u32,
    conditions: Vec<Condition>,
    /// Instructions a run of each program, without the hook that calls it.
    programs: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Condition {
    name: String,
    udp_flow: Option<Figure>,
    packet: Option<Figure>,
    ended_entry: Option<Figure>,
    tcp_connection: Option<Figure>,
}

/// One figure out of many rounds.
#[derive(Clone, Copy, Serialize)]
struct Figure {
    /// The least of all rounds of all boots.
    instructions: f64,
    /// How much more the boot with the highest minimum needed, in per cent.
    spread_percent: f64,
}

/// Boots so many times.
pub(super) fn measure(program: &Program, boots: u32) -> Result<(Figures, String)> {
    let mut done = Vec::new();
    let mut kernel = String::new();
    for boot in 1..=boots {
        eprintln!("costs of the probes, boot {boot} of {boots}");
        let (result, release) = program.run::<Boot>("costs")?;
        done.push(result);
        kernel = release;
    }
    Ok((Figures::of(&done)?, kernel))
}

impl Figures {
    fn of(boots: &[Boot]) -> Result<Self> {
        let first = boots.first().context("no boot")?;
        let conditions = (0..first.conditions.len())
            .map(|n| {
                let rounds: Vec<_> = boots
                    .iter()
                    .filter_map(|boot| boot.conditions.get(n))
                    .collect();
                Condition::of(&rounds)
            })
            .collect();
        let programs = first.programs.iter().filter(|(_, runs)| runs.runs != 0);
        Ok(Self {
            boots: boots.len() as u32,
            conditions,
            programs: programs
                .map(|(name, runs)| (name.clone(), runs.instructions as f64 / runs.runs as f64))
                .collect(),
        })
    }
}

impl Condition {
    /// The same condition in all boots.
    fn of(boots: &[&Rounds]) -> Self {
        let figure = |of: fn(&Rounds) -> &[f64]| Figure::of(boots.iter().map(|rounds| of(rounds)));
        Self {
            name: boots
                .first()
                .map(|rounds| rounds.condition.clone())
                .unwrap_or_default(),
            udp_flow: figure(|rounds| &rounds.udp_flow),
            packet: figure(|rounds| &rounds.packet),
            ended_entry: figure(|rounds| &rounds.ended_entry),
            tcp_connection: figure(|rounds| &rounds.tcp_connection),
        }
    }
}

impl Figure {
    /// `None` when there is no round.
    fn of<'a>(boots: impl Iterator<Item = &'a [f64]>) -> Option<Self> {
        let minima: Vec<f64> = boots
            .filter_map(|rounds| rounds.iter().copied().reduce(f64::min))
            .collect();
        let instructions = minima.iter().copied().reduce(f64::min)?;
        let highest = minima.iter().copied().reduce(f64::max)?;
        Some(Self {
            instructions,
            spread_percent: (highest / instructions - 1.0) * 100.0,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "Instructions, minimum of {} boots (spread between boots)",
            self.boots
        )?;
        writeln!(
            f,
            "{:14} {:>16} {:>9} {:>16} {:>16} {:>18}",
            "", "new UDP flow", "x tracked", "ended entry", "further packet", "TCP connection"
        )?;
        let tracked = self
            .conditions
            .iter()
            .find(|condition| condition.name == TRACKED);
        let base = tracked
            .and_then(|tracked| tracked.udp_flow)
            .map(|figure| figure.instructions);
        for condition in &self.conditions {
            let ratio = condition
                .udp_flow
                .zip(base)
                .map(|(figure, base)| figure.instructions / base);
            writeln!(
                f,
                "{:14} {:>16} {:>9} {:>16} {:>16} {:>18}",
                condition.name,
                cell(condition.udp_flow),
                ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
                cell(condition.ended_entry),
                cell(condition.packet),
                cell(condition.tcp_connection),
            )?;
        }
        writeln!(f, "Programs alone, instructions a run")?;
        for (name, instructions) in &self.programs {
            writeln!(f, "  {name:14} {instructions:>8.0}")?;
        }
        Ok(())
    }
}

fn cell(figure: Option<Figure>) -> String {
    figure.map_or("-".to_owned(), |figure| {
        format!(
            "{:.0} ({:.2} %)",
            figure.instructions, figure.spread_percent
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn the_minimum_counts_and_the_spread_is_between_boots() {
        let figure = Figure::of([&[110.0, 100.0][..], &[102.0, 500.0][..]].into_iter()).unwrap();
        assert!((figure.instructions - 100.0).abs() < 1e-9);
        assert!((figure.spread_percent - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_measured_is_no_figure() {
        assert!(Figure::of([&[][..], &[][..]].into_iter()).is_none());
        assert_eq!(cell(None), "-");
    }
}
