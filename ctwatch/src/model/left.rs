//! How much time entries have left, by protocol and stage.

use serde::{Deserialize, Serialize};

use super::{endpoint::Protocol, entry::Entry, stage::Stage};

/// Seconds left that are told apart, some twelve days; more counts as so many.
pub const LONGEST: u32 = 1 << 20;

/// Entries of a dump that have about so much time left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLeft {
    /// Their protocol.
    pub protocol: Protocol,
    /// Their stage.
    pub stage: Stage,
    /// Seconds; above ten minutes rounded up to whole minutes, so that there are few rows.
    pub seconds: u32,
    /// Entries.
    pub entries: u64,
}

/// Entries of one protocol and stage.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// All of them, with a timer or without.
    pub entries: u64,
    /// Those with a timer.
    pub timed: u64,
    /// The longest time left.
    pub largest: Option<u32>,
    /// Entries by seconds left, as long as it must be.
    by_seconds: Vec<u32>,
}

impl Left {
    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let Some(left) = entry.timeout_seconds else {
            return;
        };
        self.timed += 1;
        self.largest = self.largest.max(Some(left));
        let at = left.min(LONGEST) as usize;
        if at >= self.by_seconds.len() {
            self.by_seconds.resize(at + 1, 0);
        }
        self.by_seconds[at] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.timed += other.timed;
        self.largest = self.largest.max(other.largest);
        if other.by_seconds.len() > self.by_seconds.len() {
            self.by_seconds.resize(other.by_seconds.len(), 0);
        }
        for (mine, more) in self.by_seconds.iter_mut().zip(&other.by_seconds) {
            *mine += more;
        }
    }

    /// Entries by seconds left, from so many on.
    pub fn counts(&self, from: u32) -> impl DoubleEndedIterator<Item = (u32, u64)> {
        let counts = self.by_seconds.iter().enumerate().skip(from as usize);
        counts.map(|(left, entries)| (left as u32, u64::from(*entries)))
    }
}

/// By protocol and stage.
#[derive(Clone, Debug)]
pub struct Lefts {
    /// Where in the list each of them is, or [`NOWHERE`]: there are few, and each entry asks.
    places: Vec<u16>,
    all: Vec<(Protocol, Stage, Left)>,
}

const NOWHERE: u16 = u16::MAX;
const PROTOCOLS: usize = 256;

impl Default for Lefts {
    fn default() -> Self {
        Self {
            places: vec![NOWHERE; PROTOCOLS * Stage::COUNT],
            all: Vec::new(),
        }
    }
}

impl Lefts {
    /// Counts an entry.
    #[inline]
    pub fn add(&mut self, entry: &Entry) {
        if let Some(left) = self.of(entry.protocol, Stage::of(entry)) {
            left.add(entry);
        }
    }

    /// Takes over what another has counted.
    pub fn merge(&mut self, other: Self) {
        for (protocol, stage, left) in other.all {
            if let Some(mine) = self.of(protocol, stage) {
                mine.merge(&left);
            }
        }
    }

    fn of(&mut self, protocol: Protocol, stage: Stage) -> Option<&mut Left> {
        let at = usize::from(protocol.0) * Stage::COUNT + stage.number();
        let place = self.places.get_mut(at)?;
        if *place == NOWHERE {
            *place = self.all.len() as u16;
            self.all.push((protocol, stage, Left::default()));
        }
        let (_, _, left) = self.all.get_mut(usize::from(*place))?;
        Some(left)
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, Stage, &Left)> {
        let all = self.all.iter();
        all.map(|(protocol, stage, left)| (*protocol, *stage, left))
    }

    /// As rows, by protocol, stage and time.
    #[must_use]
    pub fn rows(&self) -> Vec<TimeLeft> {
        let mut rows: Vec<TimeLeft> = Vec::new();
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(protocol, stage, _)| (*protocol, *stage));
        for (protocol, stage, left) in all {
            for (seconds, entries) in left.counts(0).filter(|(_, entries)| *entries > 0) {
                let seconds = rounded(seconds);
                match rows.last_mut() {
                    Some(last)
                        if (last.protocol, last.stage, last.seconds)
                            == (protocol, stage, seconds) =>
                    {
                        last.entries += entries;
                    }
                    _ => rows.push(TimeLeft {
                        protocol,
                        stage,
                        seconds,
                        entries,
                    }),
                }
            }
        }
        rows
    }
}

/// Up: an entry counts as idle for a little less than it is.
fn rounded(seconds: u32) -> u32 {
    const EXACT: u32 = 600;
    match seconds {
        0..=EXACT => seconds,
        longer => longer.next_multiple_of(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_rounded_up_to_minutes() {
        assert_eq!(
            [0, 59, 600, 601, 660, 431_999].map(rounded),
            [0, 59, 600, 660, 660, 432_000]
        );
    }
}
