//! Entries by state, and how many come into each: by Little's law the entries in a state are the rate at which they
//! arrive times how long they stay.

use std::collections::BTreeMap;

use crate::model::{
    dump::Dump,
    endpoint::{Netns, Protocol},
    entry::State,
    recording::Recording,
    remedy::Idle,
    unobserved::Figure,
};

/// Entries in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Population {
    /// In the last dump.
    pub(super) entries: u64,
    /// Entries that came into the state and stayed in it until they ended or the last dump saw them, per second;
    /// `None` with one dump, or where nobody saw in which state entries ended.
    pub(super) arrived_per_second: Option<f64>,
    /// Change of the entries from the first dump to the last, per second.
    pub(super) growth_per_second: f64,
}

/// How many entries a shorter timeout leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// Idle times were read.
    Idle,
    /// Arrivals were counted.
    Arrivals,
    /// Entries were counted; that they arrived evenly is assumed.
    Even,
}

/// By protocol and state.
#[derive(Clone, Debug, Default)]
pub(super) struct Populations(BTreeMap<(Protocol, String), Population>);

impl Populations {
    /// Of one namespace.
    pub(super) fn new(recording: &Recording, netns: Netns) -> Self {
        let mut dumps = recording.dumps.iter().filter(|dump| dump.netns == netns);
        let Some(first) = dumps.next() else {
            return Self::default();
        };
        let Some(last) = dumps.next_back() else {
            return Self(counts(first).into_iter().map(still).collect());
        };
        let seconds = (last.at_ms - first.at_ms) as f64 / 1_000.0;
        let before = counts(first);
        let ends = ends(recording, netns, first, last);
        let moved = |((protocol, state), entries): ((Protocol, String), u64)| {
            let key = (protocol, state);
            let grown = entries as f64 - before.get(&key).copied().unwrap_or(0) as f64;
            let ended = ended(&ends, &key);
            let population = Population {
                entries,
                arrived_per_second: ended
                    .filter(|_| seconds > 0.0)
                    .map(|ended| ((grown + ended as f64) / seconds).max(0.0)),
                growth_per_second: if seconds > 0.0 { grown / seconds } else { 0.0 },
            };
            (key, population)
        };
        Self(counts(last).into_iter().map(moved).collect())
    }

    /// One state's; none where nothing was in it.
    pub(super) fn of(&self, protocol: Protocol, state: &str) -> Population {
        let key = (protocol, state.to_owned());
        self.0.get(&key).copied().unwrap_or_default()
    }
}

impl Population {
    /// Entries fewer once a timeout of `from` seconds is `to`, and what tells.
    pub(super) fn freed(
        &self,
        (protocol, state): (Protocol, &str),
        (from, to): (u64, u64),
        idle: &Idle,
    ) -> (u64, Basis) {
        let limit = u32::try_from(to).unwrap_or(u32::MAX);
        if let Some(longer) = idle.longer_than(protocol, state, limit) {
            return (longer.min(self.entries), Basis::Idle);
        }
        let (remaining, basis) = match self.arrived_per_second {
            Some(rate) => (rate * to as f64, Basis::Arrivals),
            None => {
                let part = to as f64 / from.max(1) as f64;
                (self.entries as f64 * part, Basis::Even)
            }
        };
        (self.entries.saturating_sub(remaining.round() as u64), basis)
    }
}

fn still(
    ((protocol, state), entries): ((Protocol, String), u64),
) -> ((Protocol, String), Population) {
    let population = Population {
        entries,
        ..Population::default()
    };
    ((protocol, state), population)
}

fn counts(dump: &Dump) -> BTreeMap<(Protocol, String), u64> {
    let mut counts = BTreeMap::new();
    for (endpoint, seen) in &dump.endpoints {
        for (state, entries) in seen.states.iter() {
            *counts
                .entry((endpoint.protocol, state.to_owned()))
                .or_default() += entries;
        }
    }
    counts
}

type Ends = [u64; ctwatch_common::tcp::COUNT];

/// TCP entries that ended between two dumps, by their last state; `None` where nobody saw it, or for a while nobody
/// looked.
fn ends(recording: &Recording, netns: Netns, first: &Dump, last: &Dump) -> Option<Ends> {
    let observed = recording.header.unobserved.is_observed(Figure::LastState);
    if !observed || !recording.gaps.is_empty() {
        return None;
    }
    let between = |at_ms: i64| at_ms > first.at_ms && at_ms <= last.at_ms;
    let samples = recording.samples.iter().filter(|s| between(s.at_ms));
    let deltas = samples.flat_map(|sample| &sample.deltas);
    let mut ends = Ends::default();
    for (_, counters) in deltas.filter(|(endpoint, _)| endpoint.netns == netns) {
        for (total, more) in ends.iter_mut().zip(counters.tcp_last) {
            *total += more;
        }
    }
    Some(ends)
}

fn ended(ends: &Option<Ends>, (protocol, state): &(Protocol, String)) -> Option<u64> {
    let ends = ends.as_ref().filter(|_| *protocol == Protocol::TCP)?;
    let index = State::NAMES.iter().position(|name| name == state)?;
    ends.get(index).copied()
}
