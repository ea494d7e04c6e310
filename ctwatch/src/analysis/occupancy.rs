//! How many entries each endpoint has in the table, and how long they stay.
//!
//! Events alone tell changes. The first dump of a namespace gives the level: what an endpoint had when the probes
//! were attached is what the dump saw, less what had come and gone until then.

use std::collections::BTreeMap;

use crate::model::{
    counters::Counters,
    dump::Dump,
    endpoint::{Endpoint, Netns},
    recording::Recording,
};

/// An endpoint over the whole recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Occupancy {
    /// Everything that happened.
    pub total: Counters,
    /// Entries at the last sample; `None` where no dump of the namespace gives the level.
    pub entries: Option<u64>,
    /// Mean lifetime of an entry in seconds ([`mean_lifetime`]).
    pub mean_lifetime_seconds: Option<f64>,
    /// Entry-seconds within the window ([`entry_seconds`]), for sums over endpoints.
    pub entry_seconds: Option<f64>,
}

/// Events against a later dump of the same namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossCheck {
    /// Entries there should be at the sample nearest the last dump, by the first dump and the events since.
    pub by_events: i64,
    /// Entries the last dump saw.
    pub by_dump: u64,
}

/// Entry-seconds within a window: ∫ N(t) dt over `window_seconds`, where time 0 is when the probes were attached.
///
/// Each entry contributes its end (or the window's end T, while it lives) less its insert (or 0, if it was there
/// before). Over all entries that is Σ ends + T·(N₀ + inserted − ended) − Σ inserts, and the recording keeps
/// `age_ms` = Σ ends − Σ inserts in milliseconds; so
///
/// entry-seconds = N₀·T + (inserted − ended)·T + age.
///
/// `initial` is N₀ in entries. `None` when the sum is negative, which only lost events can bring about.
#[must_use]
pub fn entry_seconds(initial: i64, counters: &Counters, window_seconds: f64) -> Option<f64> {
    let left = initial + net(counters);
    let seconds = left as f64 * window_seconds + counters.age_ms as f64 / 1_000.0;
    (seconds >= 0.0).then_some(seconds)
}

/// Mean lifetime in seconds by Little's law, W = L / λ: mean population L = entry-seconds / T and arrival rate
/// λ = inserted / T give W = entry-seconds / inserted. Exact for a table in balance; while one fills, entries
/// whose end lies behind the window make it too low. `None` without arrivals.
#[must_use]
pub fn mean_lifetime(entry_seconds: Option<f64>, inserted: u64) -> Option<f64> {
    (inserted > 0).then(|| entry_seconds.map(|seconds| seconds / inserted as f64))?
}

/// Length of the recording in seconds, by the clock that does not jump.
#[must_use]
pub fn window_seconds(recording: &Recording) -> f64 {
    let last = recording.samples.last();
    last.map_or(0.0, |sample| sample.elapsed_ms as f64 / 1_000.0)
}

/// Every endpoint that had events or was in a dump.
#[must_use]
pub fn occupancy(recording: &Recording) -> BTreeMap<Endpoint, Occupancy> {
    let initial = initial(recording);
    let mut totals: BTreeMap<Endpoint, Counters> = BTreeMap::new();
    for dump in &recording.dumps {
        for endpoint in dump.endpoints.keys() {
            totals.entry(*endpoint).or_default();
        }
    }
    for (endpoint, counters) in recording.samples.iter().flat_map(|s| &s.deltas) {
        *totals.entry(*endpoint).or_default() += *counters;
    }
    let window = window_seconds(recording);
    // Probes count ages in ticks: without their rate these are in no known unit.
    let in_ticks = recording.header.backend.sees_whole_tables();
    // Nobody knows how long those lived that went in a gap.
    let ages_known =
        (recording.node.hz.is_some() || !in_ticks) && window > 0.0 && recording.gaps.is_empty();
    let settle = |(endpoint, total): (Endpoint, Counters)| {
        let level = initial.of(&endpoint);
        let seconds = level
            .filter(|_| ages_known)
            .and_then(|initial| entry_seconds(initial, &total, window));
        let occupancy = Occupancy {
            total,
            entries: level.map(|initial| (initial + net(&total)).max(0).cast_unsigned()),
            mean_lifetime_seconds: mean_lifetime(seconds, total.inserted),
            entry_seconds: seconds,
        };
        (endpoint, occupancy)
    };
    totals.into_iter().map(settle).collect()
}

/// Entries when watching began.
#[derive(Debug)]
pub struct Initial<'r> {
    baselines: BTreeMap<Netns, (&'r Dump, usize)>,
    /// Inserted − ended before that dump.
    before: BTreeMap<Endpoint, i64>,
    /// Whether nothing came and went unseen.
    is_whole: bool,
}

impl Initial<'_> {
    /// An endpoint's; `None` where no dump of its namespace gives the level.
    #[must_use]
    pub fn of(&self, endpoint: &Endpoint) -> Option<i64> {
        let (dump, _) = self.baselines.get(&endpoint.netns)?;
        let seen = dump.endpoints.get(endpoint).map_or(0, |seen| seen.entries);
        let before = self.before.get(endpoint).copied().unwrap_or(0);
        let level = seen.cast_signed() - before;
        // Behind a gap the level stands for those that went in it, too, as if they had never been.
        Some(if self.is_whole { level.max(0) } else { level })
    }
}

/// What each endpoint had when watching began.
#[must_use]
pub fn initial(recording: &Recording) -> Initial<'_> {
    let baselines = baselines(recording);
    let mut before: BTreeMap<Endpoint, i64> = BTreeMap::new();
    for (position, sample) in recording.samples.iter().enumerate() {
        for (endpoint, counters) in &sample.deltas {
            let baseline = baselines.get(&endpoint.netns);
            if baseline.is_some_and(|(_, samples)| position < *samples) {
                *before.entry(*endpoint).or_default() += net(counters);
            }
        }
    }
    Initial {
        baselines,
        before,
        is_whole: recording.gaps.is_empty(),
    }
}

/// Holds the events between the first and the last dump of a namespace against the latter; `None` with fewer
/// than two.
#[must_use]
pub fn cross_check(recording: &Recording, netns: Netns) -> Option<CrossCheck> {
    let mut dumps = whole_dumps(recording).filter(|dump| dump.netns == netns);
    let first = dumps.next()?;
    let last = dumps.next_back()?;
    let between = samples_before(recording, first)..samples_before(recording, last);
    let deltas = recording
        .samples
        .get(between)?
        .iter()
        .flat_map(|s| &s.deltas);
    let net: i64 = deltas
        .filter(|(endpoint, _)| endpoint.netns == netns)
        .map(|(_, counters)| net(counters))
        .sum();
    Some(CrossCheck {
        by_events: first.entries.cast_signed() + net,
        by_dump: last.entries,
    })
}

/// Dumps since which nothing came and went unseen.
fn whole_dumps(recording: &Recording) -> impl DoubleEndedIterator<Item = &Dump> {
    let whole_since = recording.gaps.iter().map(|gap| gap.to_ms).max();
    let dumps = recording.dumps.iter();
    dumps.filter(move |dump| whole_since.is_none_or(|since| dump.at_ms >= since))
}

/// The first dump of each namespace since the last gap, with how many samples lie before it.
fn baselines(recording: &Recording) -> BTreeMap<Netns, (&Dump, usize)> {
    let mut baselines = BTreeMap::new();
    for dump in whole_dumps(recording) {
        baselines
            .entry(dump.netns)
            .or_insert_with(|| (dump, samples_before(recording, dump)));
    }
    baselines
}

/// How many samples had been taken at the moment nearest the middle of `dump`: none at the start, and one more
/// with each sample.
fn samples_before(recording: &Recording, dump: &Dump) -> usize {
    let middle = dump.at_ms + (dump.took_ms / 2).cast_signed();
    let start = std::iter::once(recording.header.started_ms);
    let ends = recording.samples.iter().map(|sample| sample.at_ms);
    let moments = start.chain(ends).enumerate();
    moments
        .min_by_key(|(_, at)| at.abs_diff(middle))
        .map_or(0, |(samples, _)| samples)
}

/// Inserted − ended.
pub(super) fn net(counters: &Counters) -> i64 {
    counters.inserted.cast_signed() - counters.ended.total().cast_signed()
}

#[cfg(test)]
mod tests;
