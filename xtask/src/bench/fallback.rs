//! A node that makes as many flows as it can while its recorder listens to events, until it gives that up.

use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guest::Program;

/// What the guest tells, by second.
#[derive(Deserialize)]
struct Busy {
    alone: Vec<Second>,
    listening: Vec<Second>,
    given_up: Vec<Second>,
}

#[derive(Deserialize)]
struct Second {
    flows: u64,
    recorder_ns: u64,
}

/// Of 10⁹ instructions, which node and recorder share.
#[derive(Serialize)]
pub(super) struct Figures {
    alone: Stretch,
    listening: Stretch,
    given_up: Stretch,
}

/// Medians of its seconds.
#[derive(Serialize)]
struct Stretch {
    seconds: usize,
    flows: u64,
    /// Of a core.
    recorder_percent: f64,
}

/// Boots once.
pub(super) fn measure(program: &Program) -> Result<Figures> {
    eprintln!("a busy node");
    let (busy, _) = program.run::<Busy>("fallback")?;
    Ok(Figures {
        alone: Stretch::of(&busy.alone)?,
        listening: Stretch::of(&busy.listening)?,
        given_up: Stretch::of(&busy.given_up)?,
    })
}

impl Stretch {
    fn of(seconds: &[Second]) -> Result<Self> {
        let median = |figure: fn(&Second) -> u64| {
            let mut all: Vec<u64> = seconds.iter().map(figure).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied().context("no second")
        };
        Ok(Self {
            seconds: seconds.len(),
            flows: median(|second| second.flows)?,
            recorder_percent: median(|second| second.recorder_ns)? as f64 / 1e7,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "Busy node, flows in 10^9 instructions")?;
        for (name, stretch) in [
            ("alone", &self.alone),
            ("listening to events", &self.listening),
            ("events given up", &self.given_up),
        ] {
            writeln!(
                f,
                "  {name:20} {:>7} flows, the recorder {:>4.1} % of a core ({} s)",
                stretch.flows, stretch.recorder_percent, stretch.seconds
            )?;
        }
        Ok(())
    }
}
