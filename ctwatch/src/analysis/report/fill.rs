//! Fill of each namespace's table over time.

use serde::Serialize;

use super::{Moment, Options, growth, last_dump, per_second};
use crate::{
    analysis::lost::Lost,
    model::{
        counters::Counters, endpoint::Netns, recording::Recording, sample::Sample, table::Table,
    },
};

/// One namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamespaceReport {
    /// Inode number.
    pub netns: u32,
    /// Cookie.
    pub cookie: u64,
    /// Name under /run/netns.
    pub name: Option<String>,
    /// Whether it is the recorder's own.
    pub own: bool,
    /// Entries at the end.
    pub count: Option<u64>,
    /// Limit at the end; 0 is unlimited before Linux 7.
    pub max: Option<u64>,
    /// Hash buckets at the end.
    pub buckets: Option<u64>,
    /// `count / max` at the end.
    pub fill: Option<f64>,
    /// Most entries at any sample.
    pub peak: Option<u64>,
    /// Whether the table was full in the last interval.
    pub full: bool,
    /// End of the first interval in which it was full.
    pub full_first: Option<Moment>,
    /// End of the last interval in which it was full.
    pub full_last: Option<Moment>,
    /// Time it was full for, to the interval.
    pub full_seconds: f64,
    /// Slope over the last third.
    pub growth_per_second: Option<f64>,
    /// 0 when full, `None` when it does not grow.
    pub seconds_until_full: Option<u64>,
    /// Entries put into the table.
    pub new_per_second: Option<f64>,
    /// Entries that left it.
    pub ended_per_second: Option<f64>,
    /// What it cost; by the kernel's own figures where ctwatch's source does not see all of it.
    #[serde(flatten)]
    pub lost: Lost,
    /// When the last dump began; states and clients are as of then.
    pub dumped: Option<Moment>,
    /// How long before the last sample that was.
    pub dumped_seconds_before_end: Option<f64>,
    /// Distinct clients in the last dump.
    pub distinct_clients: Option<u64>,
    /// The course; its events are those of the port asked for.
    pub course: Vec<TimePoint>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimePoint {
    /// Its end.
    pub at: Moment,
    /// Its length.
    pub seconds: f64,
    /// Most entries in it.
    pub count: Option<u64>,
    /// Limit.
    pub max: Option<u64>,
    /// `count / max`.
    pub fill: Option<f64>,
    /// Entries put into the table.
    pub new_per_second: Option<f64>,
    /// Entries that left it.
    pub ended_per_second: Option<f64>,
    /// What it cost.
    #[serde(flatten)]
    pub lost: Lost,
}

/// One interval of one namespace.
struct Interval {
    at_ms: i64,
    elapsed_ms: u64,
    seconds: f64,
    count: Option<u64>,
    max: Option<u64>,
    full: bool,
    /// Of all endpoints.
    all: Counters,
    lost: Lost,
    /// Of the port asked for.
    asked: Counters,
    asked_lost: Lost,
}

/// All namespaces asked for, those that were full longest first, then the fullest.
pub(super) fn namespaces(recording: &Recording, options: &Options) -> Vec<NamespaceReport> {
    let known = super::known_netns(recording);
    let mut all: Vec<NamespaceReport> = known
        .into_iter()
        .filter(|netns| options.wants_netns(*netns))
        .map(|netns| namespace(recording, options, netns))
        .collect();
    all.sort_by(|a, b| {
        let weight = |n: &NamespaceReport| (n.full_seconds, n.fill.unwrap_or(-1.0));
        let (a, b) = (weight(a), weight(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    all
}

fn namespace(recording: &Recording, options: &Options, netns: Netns) -> NamespaceReport {
    let intervals = intervals(recording, options, netns);
    let last = intervals.iter().rfind(|interval| interval.count.is_some());
    let (count, max) = (last.and_then(|i| i.count), last.and_then(|i| i.max));
    let full = intervals.last().is_some_and(|interval| interval.full);
    let curve: Vec<(f64, f64)> = intervals
        .iter()
        .filter_map(|i| Some((i.elapsed_ms as f64 / 1_000.0, i.count? as f64)))
        .collect();
    let slope = growth::growth(&curve);
    let total = sum(intervals.iter().map(|interval| interval.all));
    let seconds: f64 = intervals.iter().map(|interval| interval.seconds).sum();
    let whole = || intervals.iter().filter(|interval| interval.full);
    let named = recording.node.namespaces.iter().find(|n| n.netns == netns);
    let dump = last_dump(recording, netns);
    let ended_at = recording.samples.last().map(|sample| sample.at_ms);
    NamespaceReport {
        netns: netns.inode,
        cookie: netns.cookie,
        name: named.and_then(|namespace| namespace.name.clone()),
        own: named.is_some_and(|namespace| namespace.own),
        count,
        max,
        buckets: buckets(recording, netns),
        fill: fill(count, max),
        peak: intervals.iter().filter_map(|interval| interval.count).max(),
        full,
        full_first: whole().next().map(|interval| Moment(interval.at_ms)),
        full_last: whole().next_back().map(|interval| Moment(interval.at_ms)),
        full_seconds: whole().map(|interval| interval.seconds).sum(),
        growth_per_second: slope,
        seconds_until_full: growth::seconds_until_full(full, count, max, slope),
        new_per_second: per_second(total.inserted, seconds),
        ended_per_second: per_second(total.ended.total(), seconds),
        lost: lost(intervals.iter().map(|interval| interval.lost)),
        dumped: dump.map(|dump| Moment(dump.at_ms)),
        dumped_seconds_before_end: dump
            .zip(ended_at)
            .map(|(dump, end)| ((end - dump.at_ms) as f64 / 1_000.0).max(0.0)),
        distinct_clients: dump.map(|dump| dump.distinct_clients),
        course: course(&intervals, options.points),
    }
}

fn intervals(recording: &Recording, options: &Options, netns: Netns) -> Vec<Interval> {
    let unobserved = &recording.header.unobserved;
    let mut before_ms = 0;
    let mut before: Option<&Table> = None;
    let mut intervals = Vec::with_capacity(recording.samples.len());
    for sample in &recording.samples {
        let (all, asked) = counted(sample, options, netns);
        let table = sample.tables.iter().find(|table| table.netns == netns);
        let kernel = before
            .zip(table)
            .map(|(old, new)| Lost::by_kernel(old, new));
        let mut lost = Lost::counted(&all, unobserved);
        let mut asked_lost = Lost::counted(&asked, unobserved);
        if !recording.header.backend.sees_whole_tables() {
            lost = lost.or_more(kernel.unwrap_or_default());
            if options.port.is_none() {
                asked_lost = lost;
            }
        }
        before = table.or(before);
        let (count, max) = (table.and_then(|t| t.count), table.and_then(|t| t.max));
        let milliseconds = sample.elapsed_ms.saturating_sub(before_ms);
        before_ms = sample.elapsed_ms;
        intervals.push(Interval {
            at_ms: sample.at_ms,
            elapsed_ms: sample.elapsed_ms,
            seconds: milliseconds as f64 / 1_000.0,
            count,
            max,
            // early_drop runs, and refuses, only above the limit: whatever the count says at the sample.
            full: lost.at_limit() > 0 || fill(count, max).is_some_and(|fill| fill >= 1.0),
            all,
            lost,
            asked,
            asked_lost,
        });
    }
    intervals
}

/// What was counted in a namespace, of all endpoints and of the port asked for.
fn counted(sample: &Sample, options: &Options, netns: Netns) -> (Counters, Counters) {
    let (mut all, mut asked) = (Counters::default(), Counters::default());
    for (endpoint, delta) in sample.deltas.iter().filter(|(e, _)| e.netns == netns) {
        all += *delta;
        if options.wants(endpoint) {
            asked += *delta;
        }
    }
    (all, asked)
}

/// At most `points` stretches of equally many intervals.
fn course(intervals: &[Interval], points: usize) -> Vec<TimePoint> {
    let size = intervals.len().div_ceil(points.max(1)).max(1);
    let stretch = |part: &[Interval]| {
        let last = part.last()?;
        let seconds = part.iter().map(|interval| interval.seconds).sum();
        let counters = sum(part.iter().map(|interval| interval.asked));
        let count = part.iter().filter_map(|interval| interval.count).max();
        Some(TimePoint {
            at: Moment(last.at_ms),
            seconds,
            count,
            max: last.max,
            fill: fill(count, last.max),
            new_per_second: per_second(counters.inserted, seconds),
            ended_per_second: per_second(counters.ended.total(), seconds),
            lost: lost(part.iter().map(|interval| interval.asked_lost)),
        })
    };
    intervals.chunks(size).filter_map(stretch).collect()
}

/// All of it, known or not.
fn lost(all: impl Iterator<Item = Lost>) -> Lost {
    all.fold(Lost::default(), Lost::and)
}

fn sum(counters: impl Iterator<Item = Counters>) -> Counters {
    let mut total = Counters::default();
    counters.for_each(|more| total += more);
    total
}

fn fill(count: Option<u64>, max: Option<u64>) -> Option<f64> {
    let max = max.filter(|max| *max > 0)?;
    Some(count? as f64 / max as f64)
}

fn buckets(recording: &Recording, netns: Netns) -> Option<u64> {
    let tables = recording.samples.iter().rev().flat_map(|s| &s.tables);
    tables
        .filter(|table| table.netns == netns)
        .find_map(|t| t.buckets)
}
