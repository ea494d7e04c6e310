//! States, from dumps and from the ends of entries.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Options;
use crate::model::{
    dump::Dump,
    endpoint::{Netns, Protocol},
    entry::State,
    recording::Recording,
    unobserved::Figure,
};

/// One state of one protocol in one namespace, as of the last dump.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateReport {
    /// Namespace's inode number.
    pub netns: u32,
    /// Protocol.
    pub protocol: String,
    /// State.
    pub state: String,
    /// Entries.
    pub entries: u64,
    /// Part of the dump's entries.
    pub share: f64,
    /// Change of the entries from the first dump to the last; `None` with one dump.
    pub change_per_second: Option<f64>,
    /// TCP entries that ended in this state; `None` for other protocols, and where ends are not seen.
    pub ended: Option<u64>,
}

type Counts = BTreeMap<(Protocol, String), u64>;

/// The first [`Options::top`], most entries first.
pub(super) fn states(recording: &Recording, options: &Options) -> Vec<StateReport> {
    let mut rows: Vec<StateReport> = super::known_netns(recording)
        .into_iter()
        .filter(|netns| options.wants_netns(*netns))
        .flat_map(|netns| of_netns(recording, options, netns))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.entries));
    rows.truncate(options.top);
    rows
}

fn of_netns(recording: &Recording, options: &Options, netns: Netns) -> Vec<StateReport> {
    let mut dumps = recording.dumps.iter().filter(|dump| dump.netns == netns);
    let Some(first) = dumps.next() else {
        return Vec::new();
    };
    let earlier = dumps.next_back().map(|last| (last, counts(first, options)));
    let last = earlier.as_ref().map_or(first, |(last, _)| last);
    let seconds = (last.at_ms - first.at_ms) as f64 / 1_000.0;
    let now = counts(last, options);
    let total: u64 = now.values().sum();
    let ends = ends(recording, options, netns);
    let ends_seen = recording.header.unobserved.is_observed(Figure::LastState);
    let row = |((protocol, state), entries): ((Protocol, String), u64)| {
        let before = earlier
            .as_ref()
            .map(|(_, counts)| counts.get(&(protocol, state.clone())).copied().unwrap_or(0));
        StateReport {
            netns: netns.inode,
            protocol: protocol.to_string(),
            entries,
            share: entries as f64 / total.max(1) as f64,
            change_per_second: before
                .filter(|_| seconds > 0.0)
                .map(|before| super::rounded((entries as f64 - before as f64) / seconds)),
            ended: (protocol == Protocol::TCP && ends_seen)
                .then(|| State::NAMES.iter().position(|name| *name == state))
                .flatten()
                .and_then(|index| ends.get(index).copied()),
            state,
        }
    };
    now.into_iter().map(row).collect()
}

fn counts(dump: &Dump, options: &Options) -> Counts {
    let mut counts = Counts::new();
    let endpoints = dump.endpoints.iter();
    for (endpoint, seen) in endpoints.filter(|(endpoint, _)| options.wants(endpoint)) {
        for (state, entries) in seen.states.iter() {
            *counts
                .entry((endpoint.protocol, state.to_owned()))
                .or_default() += entries;
        }
    }
    counts
}

/// TCP entries by the state they ended in.
fn ends(
    recording: &Recording,
    options: &Options,
    netns: Netns,
) -> [u64; ctwatch_common::tcp::COUNT] {
    let mut ends = [0; ctwatch_common::tcp::COUNT];
    let deltas = recording.samples.iter().flat_map(|sample| &sample.deltas);
    for (_, counters) in deltas.filter(|(e, _)| e.netns == netns && options.wants(e)) {
        for (total, more) in ends.iter_mut().zip(counters.tcp_last) {
            *total += more;
        }
    }
    ends
}
