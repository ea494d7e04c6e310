//! What happened at the endpoints of one namespace since it was asked before.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use super::{
    end::{Cause, Last, Otherwise},
    evictions::{Candidates, Evictions, share},
    record::{Insert, Number},
};
use crate::model::{
    counters::Counters, endpoint::Endpoint, lifetime::Lifetimes, reading::Reading, sample::Losses,
};

/// Endpoints whose lifetimes are kept, at most: the first ones at which a sampled entry ended.
const LIFETIMES: usize = 4_096;

/// The sums.
#[derive(Debug)]
pub(super) struct Tally {
    endpoints: IndexSet<Endpoint>,
    moved: IndexMap<Number, Moved>,
    lifetimes: HashMap<Number, Lifetimes>,
    evictions: Evictions,
    /// Ends that may be evictions and wait for the kernel's next figure.
    waiting: IndexMap<Number, Evictable>,
    /// What was lost since the reading before.
    pub(super) losses: Losses,
}

#[derive(Debug, Default)]
struct Moved {
    counters: Counters,
    evictable: Evictable,
}

/// Ends that may be evictions, by what they are otherwise: with time left, and hardly so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Evictable {
    or_other: u64,
    or_lost: u64,
    or_reset: u64,
    or_expired: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            endpoints: IndexSet::new(),
            moved: IndexMap::new(),
            lifetimes: HashMap::new(),
            evictions: Evictions::default(),
            waiting: IndexMap::new(),
            losses: none_lost(),
        }
    }

    pub(super) fn number(&mut self, endpoint: Endpoint) -> Number {
        self.endpoints.insert_full(endpoint).0 as Number
    }

    /// An entry was inserted, so many milliseconds after the start.
    pub(super) fn insert(&mut self, number: Number, entry: Insert, now_ms: u64) {
        let counters = &mut self.moved.entry(number).or_default().counters;
        counters.inserted += 1;
        counters.age_ms -= now_ms as i64;
        counters.snat += u64::from(entry.snat);
        counters.dnat += u64::from(entry.dnat);
        counters.helper += u64::from(entry.helped);
    }

    /// An entry ended, so many milliseconds after the start.
    pub(super) fn end(&mut self, number: Number, last: &Last, cause: Cause, now_ms: u64) {
        let moved = self.moved.entry(number).or_default();
        let ended = &mut moved.counters.ended;
        let count = match cause {
            Cause::Expired => &mut ended.expired,
            Cause::Reset => &mut ended.reset,
            Cause::Deleted => &mut ended.deleted,
            Cause::NetnsGone => &mut ended.netns_gone,
            Cause::Other => &mut ended.other,
            Cause::Lost => {
                self.losses.cause_lost += 1;
                &mut ended.other
            }
            Cause::Evictable(Otherwise::Other) => &mut moved.evictable.or_other,
            Cause::Evictable(Otherwise::Lost) => &mut moved.evictable.or_lost,
            Cause::Evictable(Otherwise::Reset) => &mut moved.evictable.or_reset,
            Cause::Evictable(Otherwise::Expired) => &mut moved.evictable.or_expired,
        };
        *count += 1;
        let counters = &mut moved.counters;
        counters.age_ms += now_ms as i64;
        counters.unreplied += u64::from(!last.replied);
        counters.assured += u64::from(last.assured);
        if let Some(state) = last
            .tcp_index()
            .and_then(|index| counters.tcp_last.get_mut(index))
        {
            *state += 1;
        }
    }

    /// A sampled entry lived so long.
    pub(super) fn lived(&mut self, number: Number, lived_ms: u64) {
        if self.lifetimes.len() < LIFETIMES || self.lifetimes.contains_key(&number) {
            let below_ms = (lived_ms + 1).next_power_of_two();
            let buckets = &mut self.lifetimes.entry(number).or_default().buckets;
            *buckets.entry(below_ms).or_default() += 1;
        }
    }

    /// Adds what moved to `reading`, and begins anew; `early_drop` is what the kernel counts now. Ends that may be
    /// evictions and are not by this figure are told with the next; without a figure, at once.
    pub(super) fn take(&mut self, early_drop: Option<u64>, reading: &mut Reading) {
        let waiting = std::mem::take(&mut self.waiting);
        let new: IndexMap<Number, Evictable> = self
            .moved
            .iter_mut()
            .map(|(number, moved)| (*number, std::mem::take(&mut moved.evictable)))
            .filter(|(_, evictable)| *evictable != Evictable::default())
            .collect();
        let none = (Candidates::default(), Candidates::default());
        let (of_waiting, of_new) = early_drop.map_or(none, |now| {
            self.evictions.settle(now, sum(&waiting), sum(&new))
        });
        self.conclude(waiting, of_waiting, false);
        self.conclude(new, of_new, early_drop.is_some());
        for (number, moved) in std::mem::take(&mut self.moved) {
            let endpoint = self.endpoints.get_index(number as usize);
            if let Some(endpoint) = endpoint.filter(|_| !moved.counters.is_zero()) {
                reading.deltas.push((*endpoint, moved.counters));
            }
        }
        reading.losses += std::mem::replace(&mut self.losses, none_lost());
    }

    /// Counts so many of these ends as evictions; the rest waits, or is what it is otherwise.
    fn conclude(
        &mut self,
        ends: IndexMap<Number, Evictable>,
        evicted: Candidates,
        rest_waits: bool,
    ) {
        let early: Vec<u64> = ends.values().map(Evictable::early).collect();
        let late: Vec<u64> = ends.values().map(|ends| ends.or_expired).collect();
        let shares = share(evicted.early, &early)
            .into_iter()
            .zip(share(evicted.late, &late));
        for ((number, ends), (early, late)) in ends.into_iter().zip(shares) {
            let rest = ends.less(early, late);
            let ended = &mut self.moved.entry(number).or_default().counters.ended;
            ended.evicted += early + late;
            if !rest_waits {
                ended.other += rest.or_other + rest.or_lost;
                ended.reset += rest.or_reset;
                ended.expired += rest.or_expired;
                self.losses.cause_lost += rest.or_lost;
            } else if rest != Evictable::default() {
                self.waiting.insert(number, rest);
            }
        }
    }

    /// Lifetimes of sampled entries since the start.
    pub(super) fn lifetimes(&self) -> impl Iterator<Item = (Endpoint, Lifetimes)> + '_ {
        let all = self.lifetimes.iter();
        all.filter_map(|(number, lifetimes)| {
            let endpoint = self.endpoints.get_index(*number as usize)?;
            Some((*endpoint, lifetimes.clone()))
        })
    }
}

impl Evictable {
    fn early(&self) -> u64 {
        self.or_other + self.or_lost + self.or_reset
    }

    /// Without so many that ended early and so many in their last second; first those go that no state explains
    /// otherwise.
    fn less(self, early: u64, late: u64) -> Self {
        let of_other = early.min(self.or_other);
        let of_lost = (early - of_other).min(self.or_lost);
        let of_reset = (early - of_other - of_lost).min(self.or_reset);
        Self {
            or_other: self.or_other - of_other,
            or_lost: self.or_lost - of_lost,
            or_reset: self.or_reset - of_reset,
            or_expired: self.or_expired - late.min(self.or_expired),
        }
    }
}

fn sum(ends: &IndexMap<Number, Evictable>) -> Candidates {
    Candidates {
        early: ends.values().map(Evictable::early).sum(),
        late: ends.values().map(|ends| ends.or_expired).sum(),
    }
}

/// Losses of a source that has events, when it lost none.
pub(super) fn none_lost() -> Losses {
    Losses {
        events_lost: Some(0),
        ..Losses::default()
    }
}
