//! How long entries have rested, and how long they have left.
//!
//! An entry's timer begins anew with each packet: timeout of its state − time left is the time since the last one.

use serde::Serialize;

use crate::{
    analysis::timeout::Timeouts,
    model::{
        endpoint::Protocol,
        left::{LONGEST, Left},
        stage::Stage,
    },
};

/// Where a timeout is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The setting that was given.
    Sysctl,
    /// The kernel's default.
    Default,
    /// Some entry has more left than that would allow: the timeout is at least what it has.
    LargestLeft,
}

/// Times of the entries in one protocol's stage, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Timeout; `None` where it is not known, as are the idle times then.
    pub timeout_seconds: Option<u32>,
    /// Where that is from.
    pub timeout_from: Option<Basis>,
    /// Time left that half of the entries have at most.
    pub left_p50_seconds: Option<u32>,
    /// The longest.
    pub left_max_seconds: Option<u32>,
    /// Time since the last packet that half of the entries have at most.
    pub idle_p50_seconds: Option<u32>,
    /// That nine in ten have at most.
    pub idle_p90_seconds: Option<u32>,
    /// The longest.
    pub idle_max_seconds: Option<u32>,
    /// Entries whose idle time is not known: they have no timer (a flowtable carries them), or so little left that
    /// they may have rested long, or wait for an acknowledgement under a shorter timeout.
    pub idle_unknown: u64,
}

/// Of entries, under these timeouts.
pub(super) fn times(
    entries: &Left,
    protocol: Protocol,
    stage: Stage,
    timeouts: &Timeouts<'_>,
) -> Times {
    let (timeout, basis) = timeout(entries, timeouts.of(protocol, stage));
    let mut times = Times {
        timeout_seconds: timeout,
        timeout_from: basis,
        left_p50_seconds: quantile(entries.counts(0), entries.timed, 50),
        left_max_seconds: entries.largest,
        idle_unknown: entries.entries,
        ..Times::default()
    };
    let Some(timeout) = timeout.filter(|timeout| *timeout <= LONGEST) else {
        return times;
    };
    let short = timeouts.unacknowledged();
    let from = if protocol == Protocol::TCP && timeout > short {
        short + 1
    } else {
        0
    };
    let known: u64 = entries.counts(from).map(|(_, entries)| entries).sum();
    let idle = |percent| {
        let counts = entries.counts(from).rev();
        quantile(counts.map(|(left, n)| (timeout - left, n)), known, percent)
    };
    times.idle_p50_seconds = idle(50);
    times.idle_p90_seconds = idle(90);
    times.idle_max_seconds = idle(100);
    times.idle_unknown = entries.entries - known;
    times
}

/// The timeout, or what is left of the longest entry if that is longer.
fn timeout(entries: &Left, known: Option<(u32, bool)>) -> (Option<u32>, Option<Basis>) {
    match (known, entries.largest) {
        (Some((timeout, _)), Some(largest)) if largest > timeout => {
            (Some(largest), Some(Basis::LargestLeft))
        }
        (Some((timeout, true)), _) => (Some(timeout), Some(Basis::Sysctl)),
        (Some((timeout, false)), _) => (Some(timeout), Some(Basis::Default)),
        (None, _) => (None, None),
    }
}

/// The least value that so many per cent of all have at most, from counts in ascending order.
fn quantile(counts: impl Iterator<Item = (u32, u64)>, all: u64, percent: u64) -> Option<u32> {
    let wanted = (all * percent).div_ceil(100).max(1);
    let mut seen = 0;
    for (value, entries) in counts {
        seen += entries;
        if seen >= wanted {
            return Some(value);
        }
    }
    None
}
