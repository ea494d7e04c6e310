//! How long entries have rested, and how long they have left.
//!
//! An entry's timer begins anew with each packet: timeout of its state − time left is the time since the last one.

use serde::Serialize;

use super::{stage::Stage, timeout::Timeouts};
use crate::model::{endpoint::Protocol, entry::Entry};

/// Seconds left that are told apart, some twelve days; more counts as so many.
const LONGEST: u32 = 1 << 20;

/// Entries of one protocol and stage.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) entries: u64,
    /// Entries by seconds left, as long as it must be.
    by_left: Vec<u32>,
    timed: u64,
    largest: Option<u32>,
}

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

impl Rest {
    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let Some(left) = entry.timeout_seconds else {
            return;
        };
        self.timed += 1;
        self.largest = self.largest.max(Some(left));
        let at = left.min(LONGEST) as usize;
        if at >= self.by_left.len() {
            self.by_left.resize(at + 1, 0);
        }
        self.by_left[at] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.timed += other.timed;
        self.largest = self.largest.max(other.largest);
        if other.by_left.len() > self.by_left.len() {
            self.by_left.resize(other.by_left.len(), 0);
        }
        for (mine, more) in self.by_left.iter_mut().zip(&other.by_left) {
            *mine += more;
        }
    }

    pub(super) fn times(&self, protocol: Protocol, stage: Stage, timeouts: &Timeouts<'_>) -> Times {
        let (timeout, basis) = self.timeout(timeouts.of(protocol, stage));
        let mut times = Times {
            timeout_seconds: timeout,
            timeout_from: basis,
            left_p50_seconds: quantile(self.counts(0), self.timed, 50),
            left_max_seconds: self.largest,
            idle_unknown: self.entries,
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
        let known: u64 = self.counts(from).map(|(_, entries)| entries).sum();
        let idle = |percent| {
            let counts = self.counts(from).rev();
            quantile(counts.map(|(left, n)| (timeout - left, n)), known, percent)
        };
        times.idle_p50_seconds = idle(50);
        times.idle_p90_seconds = idle(90);
        times.idle_max_seconds = idle(100);
        times.idle_unknown = self.entries - known;
        times
    }

    /// The timeout, or what is left of the longest entry if that is longer.
    fn timeout(&self, known: Option<(u32, bool)>) -> (Option<u32>, Option<Basis>) {
        match (known, self.largest) {
            (Some((timeout, _)), Some(largest)) if largest > timeout => {
                (Some(largest), Some(Basis::LargestLeft))
            }
            (Some((timeout, true)), _) => (Some(timeout), Some(Basis::Sysctl)),
            (Some((timeout, false)), _) => (Some(timeout), Some(Basis::Default)),
            (None, _) => (None, None),
        }
    }

    /// Entries by seconds left, from so many on.
    fn counts(&self, from: u32) -> impl DoubleEndedIterator<Item = (u32, u64)> {
        let counts = self.by_left.iter().enumerate().skip(from as usize);
        counts.map(|(left, entries)| (left as u32, u64::from(*entries)))
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

/// By protocol and stage.
#[derive(Debug)]
pub(super) struct Rests {
    /// Where in the list each of them is, or [`NOWHERE`]: there are few, and each entry asks.
    places: Vec<u16>,
    rests: Vec<(Protocol, Stage, Rest)>,
}

const NOWHERE: u16 = u16::MAX;
const PROTOCOLS: usize = 256;

impl Default for Rests {
    fn default() -> Self {
        Self {
            places: vec![NOWHERE; PROTOCOLS * Stage::COUNT],
            rests: Vec::new(),
        }
    }
}

impl Rests {
    pub(super) fn add(&mut self, entry: &Entry) {
        if let Some(rest) = self.of(entry.protocol, Stage::of(entry)) {
            rest.add(entry);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (protocol, stage, rest) in other.rests {
            if let Some(mine) = self.of(protocol, stage) {
                mine.merge(&rest);
            }
        }
    }

    fn of(&mut self, protocol: Protocol, stage: Stage) -> Option<&mut Rest> {
        let at = usize::from(protocol.0) * Stage::COUNT + stage.number();
        let place = self.places.get_mut(at)?;
        if *place == NOWHERE {
            *place = self.rests.len() as u16;
            self.rests.push((protocol, stage, Rest::default()));
        }
        let (_, _, rest) = self.rests.get_mut(usize::from(*place))?;
        Some(rest)
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Protocol, Stage, &Rest)> {
        let rests = self.rests.iter();
        rests.map(|(protocol, stage, rest)| (*protocol, *stage, rest))
    }
}
