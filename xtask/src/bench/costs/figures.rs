//! Rounds of all boots -> figures by condition, and what the limits make of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use super::figure::Figure;
use super::full::{self, Full};
use super::limits::{self, Limit};
use super::rounds::{Boot, Read, Rounds, Runs};
use super::{ENDED, TRACKED};

/// Instructions under each condition.
#[derive(Serialize)]
pub(in crate::bench) struct Figures {
    pub(super) kernel: String,
    pub(super) boots: usize,
    pub(super) conditions: Vec<Condition>,
    pub(super) full: Vec<Full>,
    pub(super) limits: Vec<Limit>,
    /// Whether all hold that could be judged.
    holds: bool,
}

/// One condition; null is what was not measured.
#[derive(Serialize)]
pub(super) struct Condition {
    pub(super) name: String,
    /// Why nothing was measured.
    pub(super) absent: Option<String>,
    pub(super) udp_flow: Option<Figure>,
    pub(super) ended_entry: Option<Figure>,
    /// A flow's beginning and its end in the same round.
    pub(super) udp_flow_and_end: Option<Figure>,
    pub(super) tcp_connection: Option<Figure>,
    /// A further packet of a flow.
    pub(super) packet: Option<Figure>,
    pub(super) times_tracked: Times,
    /// Without the hooks that call them.
    pub(super) programs: BTreeMap<String, Program>,
    pub(super) reader: Option<Reader>,
}

/// How many times the cost of tracking without a watcher; of a flow that is not tracked its beginning alone.
#[derive(Default, Serialize)]
pub(super) struct Times {
    pub(super) udp_flow: Option<f64>,
    pub(super) udp_flow_and_end: Option<f64>,
    pub(super) tcp_connection: Option<f64>,
    pub(super) packet: Option<f64>,
}

/// A program that reads conntrack's events, in the first boot: instructions each, beside those above.
#[derive(Serialize)]
pub(super) struct Reader {
    pub(super) udp_flow_and_end: f64,
    pub(super) tcp_connection: f64,
    messages: u64,
    dropped: u64,
    /// Of the messages that were made for it.
    pub(super) lost_percent: Option<f64>,
}

/// A program while flows begin and end.
#[derive(Serialize)]
pub(super) struct Program {
    pub(super) runs: u64,
    pub(super) instructions_a_run: f64,
}

impl Figures {
    pub(super) fn of(boots: &[Boot], kernel: String) -> Result<Self> {
        let first = boots.first().context("no boot")?;
        let mut conditions: Vec<Condition> = (0..first.conditions.len())
            .map(|n| {
                let rounds: Vec<_> = boots
                    .iter()
                    .filter_map(|boot| boot.conditions.get(n))
                    .collect();
                Condition::of(&rounds)
            })
            .collect();
        compare(&mut conditions);
        let limits = limits::judge(&conditions);
        Ok(Self {
            kernel,
            boots: boots.len(),
            holds: limits.iter().all(|limit| limit.holds != Some(false)),
            limits,
            full: full::all(boots),
            conditions,
        })
    }

    pub(in crate::bench) fn holds(&self) -> bool {
        self.holds
    }

    pub(in crate::bench) fn kernel(&self) -> &str {
        &self.kernel
    }
}

/// Each condition beside what tracking alone costs: the least before a watcher was started and after all were gone.
fn compare(conditions: &mut [Condition]) {
    let controls: Vec<&Condition> = conditions
        .iter()
        .filter(|one| [TRACKED, ENDED].contains(&one.name.as_str()))
        .collect();
    let times: Vec<Times> = conditions.iter().map(|one| one.beside(&controls)).collect();
    for (condition, times) in conditions.iter_mut().zip(times) {
        condition.times_tracked = times;
    }
}

impl Condition {
    /// The same condition in all boots.
    fn of(boots: &[&Rounds]) -> Self {
        let figure = |of: fn(&Rounds) -> &[f64]| {
            let rounds: Vec<&[f64]> = boots.iter().map(|rounds| of(rounds)).collect();
            Figure::of(&rounds)
        };
        let first = boots.first();
        Self {
            name: first
                .map(|rounds| rounds.condition.clone())
                .unwrap_or_default(),
            absent: boots.iter().find_map(|rounds| rounds.absent.clone()),
            udp_flow: figure(|rounds| &rounds.udp_flow),
            ended_entry: figure(|rounds| &rounds.ended_entry),
            udp_flow_and_end: figure(|rounds| &rounds.udp_flow_and_end),
            tcp_connection: figure(|rounds| &rounds.tcp_connection),
            packet: figure(|rounds| &rounds.packet),
            times_tracked: Times::default(),
            reader: first.and_then(|rounds| rounds.reader).map(Reader::of),
            programs: first
                .map(|rounds| programs(&rounds.programs))
                .unwrap_or_default(),
        }
    }

    fn beside(&self, controls: &[&Self]) -> Times {
        let times = |figure: fn(&Self) -> Option<Figure>| {
            let bases = controls.iter().filter_map(|control| figure(control));
            let base = bases.min_by(|a, b| a.instructions.total_cmp(&b.instructions))?;
            Some(figure(self)?.times(base))
        };
        Times {
            udp_flow: times(|one| one.udp_flow),
            udp_flow_and_end: times(|one| one.udp_flow_and_end),
            tcp_connection: times(|one| one.tcp_connection),
            packet: times(|one| one.packet),
        }
    }
}

impl Reader {
    fn of(read: Read) -> Self {
        let share = (read.messages != 0).then(|| read.dropped as f64 / read.messages as f64);
        Self {
            udp_flow_and_end: read.udp_flow,
            tcp_connection: read.tcp_connection,
            messages: read.messages,
            dropped: read.dropped,
            lost_percent: share.map(|share| share * 100.0),
        }
    }
}

fn programs(runs: &BTreeMap<String, Runs>) -> BTreeMap<String, Program> {
    let program = |runs: Runs| Program {
        runs: runs.runs,
        instructions_a_run: runs.instructions as f64 / runs.runs as f64,
    };
    runs.iter()
        .filter(|(_, runs)| runs.runs != 0)
        .map(|(name, runs)| (name.clone(), program(*runs)))
        .collect()
}
