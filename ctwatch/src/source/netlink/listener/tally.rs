//! What happened at the endpoints of one namespace since it was asked before.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use super::{
    end::{Cause, Last, Otherwise},
    evictions::{Candidates, Evictions, Kernel, share},
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
    /// Ends with time left that may be evictions, of late.
    young: Young,
    /// What was lost since the reading before.
    pub(super) losses: Losses,
}

/// A count that forgets what is old.
#[derive(Clone, Copy, Debug, Default)]
struct Young {
    window: u64,
    now: u64,
    before: u64,
}

#[derive(Debug, Default)]
struct Moved {
    counters: Counters,
    /// Ends that may be evictions, by what they are otherwise: with time left, and hardly so.
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
            young: Young::default(),
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
        if matches!(cause, Cause::Evictable(Otherwise::Other | Otherwise::Reset)) {
            self.young.add(now_ms);
        }
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
            Cause::Evictable(Otherwise::Other) => &mut moved.or_other,
            Cause::Evictable(Otherwise::Lost) => &mut moved.or_lost,
            Cause::Evictable(Otherwise::Reset) => &mut moved.or_reset,
            Cause::Evictable(Otherwise::Expired) => &mut moved.or_expired,
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

    /// Adds what moved to `reading`, and begins anew; `kernel` is what the kernel said a moment ago.
    pub(super) fn take(&mut self, kernel: Option<Kernel>, now_ms: u64, reading: &mut Reading) {
        let early: Vec<u64> = self.moved.values().map(Moved::early).collect();
        let late: Vec<u64> = self.moved.values().map(|moved| moved.or_expired).collect();
        let all = early.iter().sum();
        let candidates = Candidates {
            early: all,
            fresh: std::mem::take(&mut self.young).count(now_ms).min(all),
            late: late.iter().sum(),
        };
        let evicted = kernel.map(|kernel| self.evictions.settle(kernel, candidates));
        let (of_early, of_late) = evicted.unwrap_or_default();
        let shares = share(of_early, &early)
            .into_iter()
            .zip(share(of_late, &late));
        let cause_lost = &mut self.losses.cause_lost;
        for ((number, moved), (early, late)) in
            std::mem::take(&mut self.moved).into_iter().zip(shares)
        {
            if let Some(endpoint) = self.endpoints.get_index(number as usize) {
                reading
                    .deltas
                    .push((*endpoint, moved.settled(early, late, cause_lost)));
            }
        }
        reading.losses += std::mem::replace(&mut self.losses, none_lost());
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

impl Young {
    /// The kernel's figures are read, for all namespaces, within as many milliseconds before the events are.
    const WINDOW_MS: u64 = 250;

    fn add(&mut self, now_ms: u64) {
        self.move_to(now_ms);
        self.now += 1;
    }

    /// How many there were in this window and the one before.
    fn count(mut self, now_ms: u64) -> u64 {
        self.move_to(now_ms);
        self.now + self.before
    }

    fn move_to(&mut self, now_ms: u64) {
        let window = now_ms / Self::WINDOW_MS;
        match window.saturating_sub(self.window) {
            0 => return,
            1 => self.before = self.now,
            _ => self.before = 0,
        }
        (self.window, self.now) = (window, 0);
    }
}

impl Moved {
    fn early(&self) -> u64 {
        self.or_other + self.or_lost + self.or_reset
    }

    /// The counters, when so many of those that ended early and of those in their last second were evicted; first
    /// those that no state explains otherwise.
    fn settled(self, early: u64, late: u64, cause_lost: &mut u64) -> Counters {
        let of_other = early.min(self.or_other);
        let of_lost = (early - of_other).min(self.or_lost);
        let of_reset = (early - of_other - of_lost).min(self.or_reset);
        let of_expired = late.min(self.or_expired);
        let mut counters = self.counters;
        counters.ended.evicted += of_other + of_lost + of_reset + of_expired;
        counters.ended.other += self.or_other - of_other + self.or_lost - of_lost;
        *cause_lost += self.or_lost - of_lost;
        counters.ended.reset += self.or_reset - of_reset;
        counters.ended.expired += self.or_expired - of_expired;
        counters
    }
}

/// Losses of a source that has events, when it lost none.
pub(super) fn none_lost() -> Losses {
    Losses {
        events_lost: Some(0),
        ..Losses::default()
    }
}
