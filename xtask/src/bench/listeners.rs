//! What listening to conntrack's events costs the node, beside `conntrack -E`.

use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guest::Program;

const TRACKED: &str = "tracked";

/// What the guest tells.
#[derive(Deserialize)]
struct Boot {
    conditions: Vec<Rounds>,
}

#[derive(Deserialize)]
struct Rounds {
    condition: String,
    udp_flow: Vec<f64>,
    packet: Vec<f64>,
    ended_entry: Vec<f64>,
    tcp_connection: Vec<f64>,
    reader: Option<Reader>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
struct Reader {
    messages: u64,
    dropped: u64,
    instructions: f64,
}

/// Instructions each, the least of all rounds.
#[derive(Serialize)]
pub(super) struct Figures {
    conditions: Vec<Condition>,
}

#[derive(Serialize)]
struct Condition {
    name: String,
    udp_flow: f64,
    packet: f64,
    ended_entry: f64,
    tcp_connection: f64,
    reader: Option<Reader>,
}

/// Boots once.
pub(super) fn measure(program: &Program) -> Result<Figures> {
    eprintln!("costs of listening to events");
    let (boot, _) = program.run::<Boot>("listeners")?;
    let conditions = boot.conditions.into_iter().map(Condition::of);
    Ok(Figures {
        conditions: conditions.collect::<Option<_>>().context("no round")?,
    })
}

impl Condition {
    fn of(rounds: Rounds) -> Option<Self> {
        let least = |rounds: Vec<f64>| rounds.into_iter().reduce(f64::min);
        Some(Self {
            name: rounds.condition,
            udp_flow: least(rounds.udp_flow)?,
            packet: least(rounds.packet)?,
            ended_entry: least(rounds.ended_entry)?,
            tcp_connection: least(rounds.tcp_connection)?,
            reader: rounds.reader,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "Listening to events, instructions")?;
        writeln!(
            f,
            "{:20} {:>12} {:>9} {:>12} {:>14} {:>15} {:>18} {:>8}",
            "",
            "new UDP flow",
            "x tracked",
            "ended entry",
            "further packet",
            "TCP connection",
            "reader, a message",
            "lost"
        )?;
        let tracked = self.conditions.iter().find(|one| one.name == TRACKED);
        for one in &self.conditions {
            let times = tracked.map(|tracked| one.udp_flow / tracked.udp_flow);
            let reader = one.reader.filter(|reader| reader.messages > 0);
            writeln!(
                f,
                "{:20} {:>12.0} {:>9} {:>12.0} {:>14.0} {:>15.0} {:>18} {:>8}",
                one.name,
                one.udp_flow,
                times.map_or("-".to_owned(), |times| format!("{times:.2}")),
                one.ended_entry,
                one.packet,
                one.tcp_connection,
                reader.map_or("-".to_owned(), |reader| format!(
                    "{:.0}",
                    reader.instructions
                )),
                reader.map_or("-".to_owned(), Reader::lost),
            )?;
        }
        Ok(())
    }
}

impl Reader {
    fn lost(self) -> String {
        let share = self.dropped as f64 / self.messages as f64;
        format!("{:.1} %", share * 100.0)
    }
}
