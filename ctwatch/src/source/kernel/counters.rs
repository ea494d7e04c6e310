//! Reading the mapped counters: a walk through memory, differences since the walk before.

use std::{io, os::fd::AsFd};

use bytemuck::Pod;
use ctwatch_common::{
    cause,
    limits::{self, SLOTS, UNATTRIBUTED},
    loss::Losses as RawLosses,
    shared::Shared,
    slot::{Cold, Histogram, Hot, Owner},
};

use super::{
    keys,
    mapped::Mapped,
    mark::{Arrays, Mark},
};
use crate::model::{
    counters::{Counters, Ended},
    endpoint::Endpoint,
    lifetime::Lifetimes,
    reading::Reading,
    sample::Losses,
};

/// Entries inserted at an endpoint before its lifetimes are sampled: fewer than these, one in sixteen taken, say
/// nothing of how long entries live.
const BUSY: u32 = 64;

/// How raw ages become milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Jiffies a second; `None` when it is not known, and ages stay 0.
    pub hz: Option<u32>,
    /// `CLOCK_MONOTONIC` when the probes were attached, in nanoseconds.
    pub attached_ns: u64,
}

/// The mapped arrays and what they held at the last walk.
#[derive(Debug)]
pub struct CounterReader {
    hot: Mapped<Hot>,
    cold: Mapped<Cold>,
    owners: Mapped<Owner>,
    losses: Mapped<RawLosses>,
    shared: Mapped<Shared>,
    histograms: Mapped<Histogram>,
    cpus: u32,
    clock: Clock,
    /// The kernel side tells namespaces by inode, not by cookie.
    by_inode: bool,
    /// Sums over CPUs at the last walk, by slot.
    before: Vec<Sum>,
    /// Marks of slots seen at rest: what did not move, which is most, is passed over by them.
    marks: Vec<Mark>,
    /// [`RawLosses::cold_alone`] moved at the walk before.
    cold_moved: bool,
    losses_before: RawLosses,
    /// Slots that were given a histogram: the first has number 1, as number 0 is nobody's.
    sampled: Vec<usize>,
}

/// File descriptors of the arrays, each named after its map.
#[derive(Debug)]
pub struct MapFds<F> {
    /// [`Hot`], [`SLOTS`] a CPU.
    pub hot: F,
    /// [`Cold`], [`SLOTS`] a CPU.
    pub cold: F,
    /// [`Owner`], [`SLOTS`].
    pub owners: F,
    /// [`Losses`](RawLosses), one a CPU.
    pub losses: F,
    /// [`Shared`], one.
    pub shared: F,
    /// [`Histogram`], [`limits::HISTOGRAMS`].
    pub histograms: F,
}

impl CounterReader {
    /// Maps the arrays. `by_inode` says that the kernel side tells namespaces by inode, not by cookie.
    ///
    /// # Errors
    ///
    /// The kernel's reason why a map cannot be mapped.
    pub fn new<F: AsFd>(
        fds: &MapFds<F>,
        cpus: u32,
        clock: Clock,
        by_inode: bool,
    ) -> io::Result<Self> {
        let per_cpu = (SLOTS * cpus) as usize;
        Ok(Self {
            hot: Mapped::new(&fds.hot, per_cpu)?,
            cold: Mapped::new(&fds.cold, per_cpu)?,
            owners: Mapped::new(&fds.owners, SLOTS as usize)?,
            losses: Mapped::new(&fds.losses, cpus as usize)?,
            shared: Mapped::new(&fds.shared, 1)?,
            histograms: Mapped::new(&fds.histograms, limits::HISTOGRAMS as usize)?,
            cpus,
            clock,
            by_inode,
            // Grown step by step, each step would leave a hole behind; what is not used takes no memory.
            before: Vec::with_capacity(SLOTS as usize),
            marks: Vec::with_capacity(SLOTS as usize),
            cold_moved: false,
            losses_before: RawLosses::default(),
            sampled: Vec::new(),
        })
    }

    /// Walks all slots in use and yields what moved since the walk before; `probe_misses` is not known here.
    pub fn read(&mut self) -> Reading {
        let cold_alone = self.losses_before.cold_alone;
        let (losses, used) = self.read_losses();
        // Once more at the walk after: not every processor shows the counters first.
        let cold_moves = self.losses_before.cold_alone != cold_alone;
        let look_at_cold = std::mem::replace(&mut self.cold_moved, cold_moves) || cold_moves;
        let origin = self.shared.get(0);
        if self.before.len() < used {
            self.before.resize(used, Default::default());
            self.marks.resize(used, Default::default());
        }
        let unrested = self.arrays(look_at_cold).unlike(&self.marks[..used]);
        let mut reading = Reading {
            losses,
            // All at once: what a vector that grows leaves behind is as much again.
            deltas: Vec::with_capacity(unrested.len()),
            ..Reading::default()
        };
        let mut busy = Vec::new();
        for slot in unrested {
            let slot = slot as usize;
            let mark = self.arrays(look_at_cold).mark(slot, self.marks[slot]);
            let now = self.sum(slot);
            let before = self.before[slot];
            if now == before {
                // Only now: an end's state is counted after the end.
                self.marks[slot] = mark;
                continue;
            }
            let moved = now.since(&before, &self.clock, &origin);
            if slot == UNATTRIBUTED as usize {
                reading.unattributed += moved;
            } else if let Some(endpoint) = self.endpoint(slot) {
                reading.deltas.push((endpoint, moved));
                if before.hot().inserted < BUSY && now.hot().inserted >= BUSY {
                    busy.push((now.hot().inserted, slot));
                }
            } else {
                // Its owner is being written this moment: the counts come with the next walk.
                continue;
            }
            self.before[slot] = now;
        }
        self.give_histograms(busy);
        reading
    }

    /// Lifetimes of sampled entries, since the start, at endpoints where one has ended; none where the tick rate
    /// is not known.
    #[must_use]
    pub fn lifetimes(&self) -> Vec<(Endpoint, Lifetimes)> {
        let Some(hz) = self.clock.hz.filter(|hz| *hz > 0) else {
            return Vec::new();
        };
        let numbered = (1..).zip(&self.sampled);
        numbered
            .filter_map(|(number, slot)| {
                let lifetimes = lifetimes_of(&self.histograms.get(number), hz);
                let ended = !lifetimes.buckets.is_empty();
                ended.then(|| self.endpoint(*slot).zip(Some(lifetimes)))?
            })
            .collect()
    }

    /// Gives each of these slots (with what was inserted) a histogram, while any are left, the busiest first.
    fn give_histograms(&mut self, mut busy: Vec<(u32, usize)>) {
        busy.sort_unstable_by(|a, b| b.cmp(a));
        for (_, slot) in busy {
            let number = self.sampled.len() as u32 + 1;
            // The kernel side does not write an owner again once it is taken, and `endpoint` saw that it is.
            let owner = self.owners.get(slot);
            if number >= limits::HISTOGRAMS || owner.histogram != 0 {
                continue;
            }
            self.owners.set(
                slot,
                Owner {
                    histogram: number,
                    ..owner
                },
            );
            self.sampled.push(slot);
        }
    }

    /// Bytes of memory that are mapped.
    #[must_use]
    pub fn mapped_bytes(&self) -> usize {
        self.hot.bytes()
            + self.cold.bytes()
            + self.owners.bytes()
            + self.losses.bytes()
            + self.shared.bytes()
            + self.histograms.bytes()
    }

    fn arrays(&self, look_at_cold: bool) -> Arrays<'_> {
        Arrays {
            hot: &self.hot,
            cold: look_at_cold.then_some(&self.cold),
            cpus: self.cpus,
        }
    }

    fn sum(&self, slot: usize) -> Sum {
        let mut sum = Sum::default();
        for cpu in 0..self.cpus {
            let index = (cpu * SLOTS) as usize + slot;
            sum.add(&self.hot.get(index), &self.cold.get(index));
        }
        sum
    }

    /// Losses since before, and one more than the highest slot that can be in use.
    fn read_losses(&mut self) -> (Losses, usize) {
        let mut now = RawLosses::default();
        let mut used = 1;
        for cpu in 0..self.cpus {
            let record = self.losses.get(cpu as usize);
            used = used.max(record.run_end);
            for (sum, word) in words_mut(&mut now).iter_mut().zip(words(&record)) {
                *sum = sum.wrapping_add(*word);
            }
        }
        let before = std::mem::replace(&mut self.losses_before, now);
        let since = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        let losses = Losses {
            unattributed: since(now.unattributed, before.unattributed),
            refused_unattributed: since(now.refused_unattributed, before.refused_unattributed),
            refused_ctnetlink: since(now.refused_ctnetlink, before.refused_ctnetlink),
            cause_lost: since(now.cause_lost, before.cause_lost),
            cause_raced: since(now.cause_raced, before.cause_raced),
            unreadable: since(now.unreadable, before.unreadable),
            unpaired: since(now.unpaired, before.unpaired),
            events_suppressed: since(now.events_suppressed, before.events_suppressed),
            ring_lost: since(now.events_lost, before.events_lost),
            pairs_lost: since(now.pairs_lost, before.pairs_lost),
            ..Losses::default()
        };
        (losses, used.min(SLOTS) as usize)
    }

    /// Who has a slot; `None` while that is being written. Not kept here: it lies in mapped memory already.
    pub(super) fn endpoint(&self, slot: usize) -> Option<Endpoint> {
        let owner = self.owners.get(slot);
        if owner.taken != 1 {
            return None;
        }
        Some(keys::endpoint(&owner.key, owner.netns_inode, self.by_inode))
    }
}

/// Raw counters of a slot, added up over CPUs. 32-bit sums wrap as their parts do, so differences stay right. Words, for
/// the kernel side's records fill whole cache lines, and there is one of these for each endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    hot: [u32; size_of::<Hot>() / 4],
    cold: [u32; size_of::<Cold>() / 4],
}

impl Sum {
    fn add(&mut self, hot: &Hot, cold: &Cold) {
        let age = self.hot().age_jiffies.wrapping_add(hot.age_jiffies);
        for (sum, word) in self.hot.iter_mut().zip(words(hot)) {
            *sum = sum.wrapping_add(*word);
        }
        let [low, high] = bytemuck::cast::<u64, [u32; 2]>(age);
        [self.hot[0], self.hot[1]] = [low, high];
        for (sum, word) in self.cold.iter_mut().zip(words(cold)) {
            *sum = sum.wrapping_add(*word);
        }
    }

    fn hot(&self) -> Hot {
        bytemuck::cast(self.hot)
    }

    fn cold(&self) -> Cold {
        bytemuck::cast(self.cold)
    }

    /// What happened since `before`. Raw ages count from jiffy 0, the model's from the moment the probes were attached,
    /// which is told from the first event (`origin`): each end moves the sum by the difference one way, each insert the
    /// other.
    fn since(&self, before: &Self, clock: &Clock, origin: &Shared) -> Counters {
        let delta = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        let (hot, was) = (self.hot(), before.hot());
        let (cold, before) = (self.cold(), before.cold());
        let ended = std::array::from_fn::<u64, { cause::COUNT }, _>(|cause| {
            delta(hot.ended[cause], was.ended[cause])
        });
        let inserted = delta(hot.inserted, was.inserted);
        let balance = ended.iter().sum::<u64>() as i64 - inserted as i64;
        let before_origin = balance.wrapping_mul(origin.origin_jiffies as i64);
        let age = hot.age_jiffies.wrapping_sub(was.age_jiffies) as i64;
        let age_jiffies = age.wrapping_sub(before_origin);
        Counters {
            inserted,
            ended: ended_by_cause(&ended),
            refused: delta(hot.refused, was.refused),
            insert_failed: delta(cold.insert_failed, before.insert_failed),
            clash_dropped: delta(cold.clash_dropped, before.clash_dropped),
            clash_merged: delta(cold.clash_merged, before.clash_merged),
            nat_exhausted: delta(cold.nat_exhausted, before.nat_exhausted),
            chain_too_long: delta(cold.chain_too_long, before.chain_too_long),
            dying: delta(cold.dying, before.dying),
            reopened: delta(cold.reopened, before.reopened),
            syn_ignored: delta(cold.syn_ignored, before.syn_ignored),
            snat: delta(hot.snat, was.snat),
            dnat: delta(hot.dnat, was.dnat),
            helper: delta(hot.helper, was.helper),
            unreplied: delta(hot.unreplied, was.unreplied),
            assured: delta(hot.assured, was.assured),
            age_ms: clock.milliseconds(age_jiffies, balance, origin.origin_ns),
            tcp_last: std::array::from_fn(|state| {
                delta(cold.tcp_last[state], before.tcp_last[state])
            }),
        }
    }
}

impl Clock {
    fn milliseconds(&self, age_jiffies: i64, balance: i64, origin_ns: u64) -> i64 {
        let Some(hz) = self.hz.filter(|hz| *hz > 0) else {
            return 0;
        };
        let late_ms = (origin_ns.saturating_sub(self.attached_ns) / 1_000_000) as i64;
        age_jiffies * 1000 / i64::from(hz) + balance * late_ms
    }
}

fn ended_by_cause(ended: &[u64; cause::COUNT]) -> Ended {
    let of = |cause: u32| ended[cause as usize];
    Ended {
        expired: of(cause::EXPIRED),
        evicted: of(cause::EVICTED),
        evicted_background: of(cause::EVICTED_BACKGROUND),
        reset: of(cause::RESET),
        deleted: of(cause::DELETED),
        netns_gone: of(cause::NETNS_GONE),
        other: of(cause::OTHER),
    }
}

/// Bucket n of the kernel side counts lifetimes below 2^n jiffies.
fn lifetimes_of(histogram: &Histogram, hz: u32) -> Lifetimes {
    let mut lifetimes = Lifetimes::default();
    for (bucket, sampled) in histogram.buckets.iter().enumerate() {
        if *sampled > 0 {
            let below_ms = (1_u64 << bucket) * 1000 / u64::from(hz);
            *lifetimes.buckets.entry(below_ms).or_default() += u64::from(*sampled);
        }
    }
    lifetimes
}

fn words<T: Pod>(value: &T) -> &[u32] {
    bytemuck::cast_slice(std::slice::from_ref(value))
}

fn words_mut<T: Pod>(value: &mut T) -> &mut [u32] {
    bytemuck::cast_slice_mut(std::slice::from_mut(value))
}

/// [`Sum::add`] sets it apart.
const _: () = assert!(std::mem::offset_of!(Hot, age_jiffies) == 0);

#[cfg(test)]
#[path = "counters_tests.rs"]
mod tests;
