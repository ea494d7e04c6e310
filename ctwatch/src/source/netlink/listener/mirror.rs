//! The entries of one namespace's table, as events and dumps tell: each is in the set once, however often it is
//! told of, and what enters or leaves the set is counted.

use std::collections::{HashMap, HashSet};

use super::{
    end::{Cause, Last, Left},
    event::{Event, Kind},
    key::{ByKey, Key, Keys},
    record::{Insert, Number, Record},
    tally::Tally,
};
use crate::model::{
    classify::{LocalAddresses, classify},
    endpoint::{Netns, Protocol},
    entry::Entry,
    lifetime::Lifetimes,
    status,
};

/// Dumps that an entry counted as ended is remembered for, should its event come after all.
const GHOSTS_LAST: u16 = 2;
/// Timeouts are told in whole seconds, so a record's deadline may be this much too early.
const EARLIER_MS: u64 = 1_100;

/// How the set is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first dump has not come to its end: what it shows may have been there before.
    Baseline,
    /// Events tell of everything.
    Events {
        /// But some were lost, and no dump has made good for them yet.
        lost: bool,
    },
    /// There are no events.
    Dumps,
    /// There are too many entries to remember.
    Off,
}

/// The set and what was counted.
#[derive(Debug)]
pub(super) struct Mirror {
    netns: Netns,
    /// The namespace's own addresses, where they are known.
    pub(super) local: Option<LocalAddresses>,
    keys: Keys,
    records: HashMap<Key, Record, ByKey>,
    /// Entries counted as ended for want of a trace, with the dump that missed them.
    ghosts: HashMap<Key, u16, ByKey>,
    /// Entries whose end was told while the present dump is being read: rows are made a part ahead, and may show them
    /// still. `None` between dumps.
    departed: Option<HashSet<Key, ByKey>>,
    generation: u16,
    stage: Stage,
    has_events: bool,
    /// Events of ends tell neither the state nor the time left.
    terse: bool,
    /// Events were lost while the present dump was being read.
    lost_meanwhile: bool,
    pub(super) tally: Tally,
}

impl Mirror {
    /// Knows nothing yet.
    pub(super) fn new(netns: Netns, local: Option<LocalAddresses>) -> Self {
        Self {
            netns,
            local,
            keys: Keys::default(),
            records: HashMap::default(),
            ghosts: HashMap::default(),
            departed: None,
            generation: 0,
            stage: Stage::Baseline,
            has_events: false,
            terse: false,
            lost_meanwhile: false,
            tally: Tally::new(),
        }
    }

    /// Entries in the set.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Entries that were there before anybody listened.
    pub(super) fn older(&self) -> usize {
        let all = self.records.values();
        all.filter(|record| record.is_from_before()).count()
    }

    /// The kernel told of something.
    pub(super) fn event(&mut self, event: &Event, now_ms: u64) {
        let key = self.keys.of(&event.entry, event.id);
        match event.kind {
            Kind::New => self.came(key, &event.entry, now_ms),
            Kind::Changed => {
                if let Some(record) = self.records.get_mut(&key) {
                    record.update(&event.entry, now_ms);
                }
            }
            Kind::Gone { deleted } => self.went(key, &event.entry, deleted, now_ms),
        }
    }

    fn came(&mut self, key: Key, entry: &Entry, now_ms: u64) {
        self.ghosts.remove(&key);
        if let Some(departed) = &mut self.departed {
            departed.remove(&key);
        }
        if let Some(record) = self.records.get_mut(&key) {
            // Only now may a dump have shown it before its event was read. Later an entry without events, or whose
            // event was lost, has made room for another of the same tuple at the same place.
            let replaced = !record.is_unannounced()
                && (record.is_from_before() || self.stage == Stage::Events { lost: true });
            if !replaced {
                let counts = record.is_unannounced();
                record.set_unannounced(false);
                record.update(entry, now_ms);
                if counts {
                    let (number, insert) = (record.endpoint, record.insert());
                    self.tally.insert(number, insert, now_ms);
                }
                return;
            }
            self.vanish(key, now_ms);
        }
        let record = *self.add(key, entry, now_ms);
        self.tally.insert(record.endpoint, record.insert(), now_ms);
    }

    fn went(&mut self, key: Key, entry: &Entry, deleted: bool, now_ms: u64) {
        if let Some(departed) = &mut self.departed {
            departed.insert(key);
        }
        if self.ghosts.remove(&key).is_some() {
            return;
        }
        let record = self.records.remove(&key);
        let known = record.filter(|record| !record.is_unannounced());
        let number = record.map_or_else(|| self.number(entry), |record| record.endpoint);
        // Its own event never came: it was lost; or the entry was there before; or it was removed before it could
        // be told of; or it lies in the table under its reply direction only, which is not told of at all.
        if known.is_none() && self.stage != Stage::Baseline {
            let insert = record.map_or_else(|| Insert::of(entry), |record| record.insert());
            self.tally.insert(number, insert, now_ms);
            let lost = self.stage == Stage::Events { lost: true };
            self.tally.losses.resynced_inserted += u64::from(lost);
        }
        let mut last = Last::of(entry);
        last.tcp = last.tcp.or(known.and_then(|record| record.last().tcp));
        let cause = if deleted {
            Cause::Deleted
        } else {
            last.cause(match &known {
                Some(record) if self.terse => left_by_record(record, now_ms),
                record => left(entry, record.as_ref(), now_ms),
            })
        };
        self.tally.end(number, &last, cause, now_ms);
        if let Some(record) = known {
            self.sample_lifetime(key, &record, now_ms);
        }
    }

    /// A dump begins.
    pub(super) fn begin(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.lost_meanwhile = false;
        self.departed = Some(HashSet::default());
    }

    /// A dump shows an entry.
    pub(super) fn row(&mut self, entry: &Entry, id: u32, now_ms: u64) {
        if self.stage == Stage::Off {
            return;
        }
        let key = self.keys.of(entry, id);
        // One that is being removed has told of its end before, or is about to.
        let departed = |departed: &HashSet<_, _>| departed.contains(&key);
        let dying = entry.has(status::DYING) || self.departed.as_ref().is_some_and(departed);
        match self.records.get_mut(&key) {
            Some(record) if !(dying && record.is_from_before()) => {
                record.generation = self.generation;
                record.update(entry, now_ms);
            }
            None if !dying => {
                self.ghosts.remove(&key);
                self.add(key, entry, now_ms).set_unannounced(true);
            }
            _ => {}
        }
    }

    /// A dump has come to its end, and all events of before then have been read.
    pub(super) fn end(&mut self, now_ms: u64) {
        let missing = self.missing();
        for key in missing {
            self.vanish(key, now_ms);
            self.ghosts.insert(key, self.generation);
        }
        self.announce(now_ms);
        self.departed = None;
        let generation = self.generation;
        self.ghosts
            .retain(|_, since| generation.wrapping_sub(*since) < GHOSTS_LAST);
        self.stage = match self.stage {
            Stage::Off => Stage::Off,
            Stage::Events { lost } => Stage::Events {
                lost: lost && self.lost_meanwhile,
            },
            _ if self.has_events => Stage::Events {
                lost: self.lost_meanwhile,
            },
            _ => Stage::Dumps,
        };
    }

    /// The kernel dropped so many events.
    pub(super) fn lose(&mut self, events: u64) {
        let lost = &mut self.tally.losses.events_lost;
        *lost = lost.map(|lost| lost + events);
        self.lost_meanwhile = true;
        if let Stage::Events { lost } = &mut self.stage {
            *lost = true;
        }
    }

    /// There will be events; `terse` ones do not tell how much time an entry had left when it ended.
    pub(super) fn expect_events(&mut self, terse: bool) {
        self.has_events = true;
        self.terse = terse;
    }

    /// There will be no more events.
    pub(super) fn give_up_events(&mut self) {
        self.has_events = false;
        if matches!(self.stage, Stage::Events { .. }) {
            self.stage = Stage::Dumps;
        }
    }

    /// Nothing is remembered or counted any more.
    pub(super) fn switch_off(&mut self) {
        self.give_up_events();
        self.records = HashMap::default();
        self.ghosts = HashMap::default();
        self.stage = Stage::Off;
    }

    /// Whether the dump that tells what was there before is still to come.
    pub(super) fn is_first(&self) -> bool {
        self.stage == Stage::Baseline
    }

    /// The namespace is gone, and all that was in it.
    pub(super) fn close(&mut self, now_ms: u64) {
        for record in std::mem::take(&mut self.records).values() {
            if !record.is_unannounced() {
                let last = record.last();
                self.tally
                    .end(record.endpoint, &last, Cause::NetnsGone, now_ms);
            }
        }
    }

    /// What the present dump should have shown and did not. With events at work the kernel tells of the end of what
    /// it once told of; a dump that misses such an entry is believed when the next one misses it too.
    fn missing(&self) -> Vec<Key> {
        let told = self.stage == Stage::Events { lost: false } && !self.lost_meanwhile;
        let all = self.records.iter();
        all.filter(|(_, record)| {
            let missed = self.generation.wrapping_sub(record.generation);
            let enough = if told && !record.is_from_before() || record.is_hidden() {
                2
            } else {
                1
            };
            missed >= enough
        })
        .map(|(key, _)| *key)
        .collect()
    }

    /// What the dump showed and no event told of: at first it was there before, later it came unseen.
    fn announce(&mut self, now_ms: u64) {
        let baseline = self.stage == Stage::Baseline;
        let resynced = matches!(self.stage, Stage::Events { .. });
        for record in self.records.values_mut() {
            if !record.is_unannounced() {
                continue;
            }
            record.set_unannounced(false);
            record.set_from_before(baseline);
            if !baseline {
                self.tally.insert(record.endpoint, record.insert(), now_ms);
                self.tally.losses.resynced_inserted += u64::from(resynced);
            }
        }
    }

    /// An entry has ended without an event.
    fn vanish(&mut self, key: Key, now_ms: u64) {
        let Some(record) = self.records.remove(&key) else {
            return;
        };
        let mut cause = record.cause(now_ms);
        if self.stage == Stage::Dumps {
            // What comes and goes between two dumps is not seen, so the kernel's figure has no counterpart here.
            if cause != Cause::Expired {
                cause = Cause::Other;
            }
        } else if !record.is_from_before() {
            self.tally.losses.resynced_ended += 1;
        }
        self.tally
            .end(record.endpoint, &record.last(), cause, now_ms);
    }

    fn add(&mut self, key: Key, entry: &Entry, now_ms: u64) -> &mut Record {
        let mut record = Record::new(self.number(entry), now_ms);
        record.generation = self.generation;
        record.update(entry, now_ms);
        self.records.entry(key).insert_entry(record).into_mut()
    }

    fn number(&mut self, entry: &Entry) -> Number {
        let endpoint = classify(
            self.netns,
            entry.family,
            entry.protocol,
            &entry.original,
            self.local.as_ref(),
        );
        self.tally.number(endpoint)
    }

    fn sample_lifetime(&mut self, key: Key, record: &Record, now_ms: u64) {
        if key.is_sampled(Lifetimes::SAMPLED_ONE_IN) && !record.is_from_before() {
            self.tally.lived(record.endpoint, record.lived_ms(now_ms));
        }
    }
}

/// How much time an entry had left, where only its record tells. Packets move its deadline on without a word.
fn left_by_record(record: &Record, now_ms: u64) -> Left {
    if record.is_due(now_ms + EARLIER_MS) {
        Left::Hardly
    } else {
        Left::Some
    }
}

/// How much time an entry had left that the kernel removed by itself. The message tells from one second on; below
/// that the record does, for protocols whose timeouts do not shrink with their state.
fn left(entry: &Entry, record: Option<&Record>, now_ms: u64) -> Left {
    let shrinks = matches!(
        entry.protocol,
        Protocol::TCP | Protocol::SCTP | Protocol::DCCP
    );
    match (entry.timeout_seconds, record) {
        (Some(1..), _) => Left::Some,
        (_, Some(record)) if !shrinks && record.is_due(now_ms.saturating_sub(EARLIER_MS)) => {
            Left::None
        }
        _ => Left::Hardly,
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
