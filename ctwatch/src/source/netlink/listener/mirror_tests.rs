use std::collections::{BTreeMap, VecDeque, btree_map};

use proptest::prelude::*;

use super::{super::tally::none_lost, *};
use crate::model::{
    counters::Counters,
    endpoint::Family,
    entry::{State, Tuple},
    reading::Reading,
    sample::Losses,
};

const NETNS: Netns = Netns {
    cookie: 1,
    inode: 2,
};

fn entry(number: u16) -> Entry {
    let original = Tuple {
        source: [127, 0, 0, 1].into(),
        destination: [127, 0, 0, 2].into(),
        source_port: number,
        destination_port: 53,
    };
    Entry {
        family: Family::Ipv4,
        protocol: Protocol::UDP,
        original,
        reply: original.inverse(),
        state: None,
        status: 0,
        timeout_seconds: Some(30),
        mark: 0,
        zone: 0,
        helper: None,
        expected: false,
        labelled: false,
    }
}

fn told(kind: Kind, entry: Entry) -> Event {
    Event { kind, entry, id: 7 }
}

fn new(number: u16) -> Event {
    told(Kind::New, entry(number))
}

/// The end of an entry whose time was over.
fn gone(number: u16) -> Event {
    let entry = Entry {
        timeout_seconds: None,
        ..entry(number)
    };
    told(Kind::Gone { deleted: false }, entry)
}

fn mirror() -> Mirror {
    let mut mirror = Mirror::new(NETNS, None);
    mirror.expect_events(false);
    mirror
}

/// One whose first dump showed these entries.
fn after_baseline(numbers: &[u16]) -> Mirror {
    let mut mirror = mirror();
    dump(&mut mirror, numbers, 0);
    mirror
}

fn dump(mirror: &mut Mirror, numbers: &[u16], now_ms: u64) {
    mirror.begin();
    for number in numbers {
        mirror.row(&entry(*number), 7, now_ms);
    }
    mirror.end(now_ms);
}

fn take(mirror: &mut Mirror, early_drop: Option<u64>) -> (Counters, Losses) {
    let mut reading = Reading {
        losses: none_lost(),
        ..Reading::default()
    };
    mirror.tally.take(early_drop, &mut reading);
    let mut sum = Counters::default();
    for (_, counters) in &reading.deltas {
        sum += *counters;
    }
    (sum, reading.losses)
}

#[test]
fn an_entry_counts_once_however_often_it_is_told_of() {
    let mut mirror = after_baseline(&[]);
    mirror.event(&new(1), 1_000);
    mirror.event(&new(1), 1_000);
    dump(&mut mirror, &[1], 2_000);
    mirror.event(&gone(1), 32_000);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!(
        (sum.inserted, sum.ended.expired, sum.age_ms),
        (1, 1, 31_000)
    );
    assert_eq!(losses, none_lost());
}

#[test]
fn a_row_may_be_read_before_the_event_of_its_entry() {
    let mut mirror = after_baseline(&[]);
    mirror.begin();
    mirror.row(&entry(1), 7, 1_000);
    mirror.event(&new(1), 1_001);
    mirror.row(&entry(2), 7, 1_000);
    mirror.event(&gone(2), 1_001);
    mirror.end(1_002);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.total()), (2, 1));
    assert_eq!(losses, none_lost());
}

#[test]
fn the_end_of_an_entry_from_before_is_counted_without_an_event() {
    let mut mirror = after_baseline(&[1, 2]);
    assert_eq!(mirror.older(), 2);
    dump(&mut mirror, &[2], 40_000);
    mirror.event(&gone(1), 40_001);
    mirror.event(&gone(2), 40_002);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.expired), (0, 2));
    assert_eq!(losses, none_lost());
}

#[test]
fn an_entry_in_the_place_of_one_from_before_is_another() {
    let mut mirror = after_baseline(&[1]);
    mirror.event(&new(1), 40_000);
    let (sum, _) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.expired, mirror.older()), (1, 1, 0));
}

#[test]
fn an_entry_that_a_dump_misses_once_has_not_ended() {
    let mut mirror = after_baseline(&[]);
    mirror.event(&new(1), 0);
    dump(&mut mirror, &[], 1_000);
    assert_eq!(take(&mut mirror, None).0.ended.total(), 0);
    dump(&mut mirror, &[], 2_000);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!(
        (sum.ended.other, losses.resynced_ended, losses.cause_lost),
        (1, 1, 1)
    );
}

#[test]
fn what_was_lost_is_found_by_the_next_dump() {
    let mut mirror = after_baseline(&[]);
    mirror.event(&new(1), 0);
    mirror.lose(2);
    dump(&mut mirror, &[2], 40_000);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.expired), (2, 1));
    assert_eq!(losses.events_lost, Some(2));
    assert_eq!((losses.resynced_inserted, losses.resynced_ended), (1, 1));
    dump(&mut mirror, &[2], 50_000);
    assert_eq!(take(&mut mirror, None), (Counters::default(), none_lost()));
}

#[test]
fn a_row_may_be_read_after_the_entry_has_gone() {
    let mut mirror = after_baseline(&[]);
    mirror.event(&new(1), 0);
    mirror.begin();
    mirror.event(&gone(1), 31_000);
    mirror.row(&entry(1), 7, 31_000);
    mirror.end(31_000);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.total(), mirror.len()), (1, 1, 0));
    assert_eq!(losses, none_lost());
}

#[test]
fn an_entry_that_is_being_removed_is_not_taken_for_a_new_one() {
    let mut mirror = after_baseline(&[]);
    mirror.event(&new(1), 0);
    mirror.begin();
    mirror.event(&gone(1), 31_000);
    let dying = Entry {
        status: status::DYING,
        ..entry(1)
    };
    mirror.row(&dying, 7, 31_000);
    mirror.end(31_000);
    let (sum, losses) = take(&mut mirror, None);
    assert_eq!((sum.inserted, sum.ended.total(), mirror.len()), (1, 1, 0));
    assert_eq!(losses, none_lost());
}

#[test]
fn without_events_dumps_are_compared() {
    let mut mirror = Mirror::new(NETNS, None);
    dump(&mut mirror, &[1, 2], 0);
    dump(&mut mirror, &[2, 3], 10_000);
    dump(&mut mirror, &[3], 40_000);
    let (sum, losses) = take(&mut mirror, Some(0));
    assert_eq!(
        (sum.inserted, sum.ended.other, sum.ended.expired),
        (1, 1, 1)
    );
    assert_eq!((losses.resynced_inserted, losses.resynced_ended), (0, 0));
}

#[test]
fn entries_go_with_their_namespace() {
    let mut mirror = after_baseline(&[1]);
    mirror.event(&new(2), 0);
    mirror.close(1_000);
    assert_eq!(take(&mut mirror, None).0.ended.netns_gone, 2);
}

/// An end with so many seconds left.
fn removed(number: u16, seconds: u32, status: u32, tcp: Option<u8>) -> Event {
    let mut entry = Entry {
        timeout_seconds: (seconds > 0).then_some(seconds),
        status,
        ..entry(number)
    };
    if let Some(state) = tcp {
        (entry.protocol, entry.state) = (Protocol::TCP, Some(State(state)));
    }
    told(Kind::Gone { deleted: false }, entry)
}

#[test]
fn causes_are_told_by_time_left_state_and_the_kernels_count_of_evictions() {
    const REPLIED: u32 = status::SEEN_REPLY;
    const ASSURED: u32 = status::SEEN_REPLY | status::ASSURED;
    let mut mirror = after_baseline(&[]);
    take(&mut mirror, Some(50));
    for event in [
        removed(1, 20, 0, None),
        removed(2, 20, REPLIED, None),
        removed(3, 100, REPLIED, Some(7)),
        removed(4, 9, 0, Some(8)),
        removed(5, 9, ASSURED, Some(8)),
        removed(6, 0, 0, None),
        removed(7, 400, ASSURED, Some(3)),
        told(Kind::Gone { deleted: true }, entry(8)),
    ] {
        mirror.event(&event, 10);
    }
    let (mut sum, _) = take(&mut mirror, Some(51));
    let told = (sum.ended.evicted, sum.ended.total());
    assert_eq!(
        told,
        (1, 5),
        "three may be evictions that the kernel has yet to count"
    );
    sum += take(&mut mirror, Some(51)).0;
    let ended = sum.ended;
    assert_eq!(ended.evicted, 1);
    assert_eq!(ended.other, 2, "one may have been evicted, one was assured");
    assert_eq!(
        ended.reset, 3,
        "two by their state, one may have been evicted"
    );
    assert_eq!((ended.expired, ended.deleted), (1, 1));
    assert_eq!(
        (sum.tcp_last[7], sum.tcp_last[8], sum.tcp_last[3]),
        (1, 2, 1)
    );
}

#[test]
fn where_ends_are_told_tersely_updates_tell_the_rest() {
    let mut mirror = Mirror::new(NETNS, None);
    mirror.expect_events(true);
    dump(&mut mirror, &[], 0);
    take(&mut mirror, Some(0));
    let tcp = |number, state, seconds, status| Entry {
        protocol: Protocol::TCP,
        state: Some(State(state)),
        timeout_seconds: Some(seconds),
        status,
        ..entry(number)
    };
    for number in 1..=3 {
        mirror.event(&told(Kind::New, tcp(number, 1, 120, 0)), 0);
    }
    let assured = status::SEEN_REPLY | status::ASSURED;
    for number in 1..=2 {
        mirror.event(&told(Kind::Changed, tcp(number, 7, 120, assured)), 1_000);
    }
    mirror.event(&told(Kind::Changed, tcp(9, 7, 120, 0)), 1_000);
    let end = |number, status| {
        let terse = Entry {
            state: None,
            timeout_seconds: None,
            ..tcp(number, 0, 0, status)
        };
        told(Kind::Gone { deleted: false }, terse)
    };
    mirror.event(&end(1, assured), 60_000);
    mirror.event(&end(2, assured), 125_000);
    mirror.event(&end(3, 0), 60_000);
    let (sum, _) = take(&mut mirror, Some(1));
    let ended = sum.ended;
    assert_eq!((ended.reset, ended.expired, ended.evicted), (1, 1, 1));
    assert_eq!((sum.tcp_last[7], sum.tcp_last[1], mirror.len()), (2, 1, 0));
}

#[test]
fn an_eviction_may_be_told_before_the_kernel_counts_it() {
    let mut mirror = after_baseline(&[]);
    take(&mut mirror, Some(0));
    for number in 1..=3 {
        mirror.event(&removed(number, 20, 0, None), 10);
    }
    let early = take(&mut mirror, Some(0)).0.ended;
    assert_eq!(early.total(), 0, "the table was read before all of them");
    mirror.event(&removed(4, 20, 0, None), 20);
    assert_eq!(take(&mut mirror, Some(3)).0.ended.evicted, 3);
    let late = take(&mut mirror, Some(3)).0.ended;
    assert_eq!(
        (late.evicted, late.other),
        (0, 1),
        "the kernel did not count it"
    );
}

/// What happens to the kernel's table, to the events on their way and to the mirror.
#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u16),
    Remove(u16),
    /// The oldest events are read.
    Read(u8),
    /// Of the events on their way, the youngest are lost.
    Lose(u8),
    /// The next entries of a dump are read; it begins where none is under way, and ends where none are left.
    Rows(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..24_u16).prop_map(Step::Insert),
        4 => (0..24_u16).prop_map(Step::Remove),
        4 => (1..6_u8).prop_map(Step::Read),
        1 => (1..6_u8).prop_map(Step::Lose),
        4 => (1..12_u8).prop_map(Step::Rows),
    ]
}

/// A table whose entries tell of themselves or not.
#[derive(Default)]
struct Kernel {
    /// Entries in the order that dumps show them, with whether they make events.
    table: BTreeMap<u16, bool>,
    events: VecDeque<Event>,
    inserted: u64,
    /// Entries without events that went before a dump showed them.
    unseen: u64,
    shown: Vec<u16>,
    dump: Option<u16>,
    /// Rows that the kernel has made and nobody has read yet, with their identifiers.
    part: Vec<(u16, u32)>,
    lost: bool,
}

impl Kernel {
    fn apply(&mut self, step: Step, mirror: &mut Mirror) {
        match step {
            Step::Insert(number) => {
                if let btree_map::Entry::Vacant(place) = self.table.entry(number) {
                    place.insert(true);
                    self.inserted += 1;
                    self.events.push_back(new(number));
                }
            }
            Step::Remove(number) => match self.table.remove(&number) {
                Some(true) => self.events.push_back(gone(number)),
                Some(false) if !self.shown.contains(&number) => self.unseen += 1,
                _ => {}
            },
            Step::Read(count) => {
                for event in self.events.drain(..self.events.len().min(count.into())) {
                    mirror.event(&event, 1);
                }
            }
            // What comes while the first dump is being read and is lost passes for older.
            Step::Lose(_) if mirror.is_first() => {}
            Step::Lose(count) => {
                let kept = self.events.len().saturating_sub(count.into());
                let lost = self.events.split_off(kept).len() as u64;
                self.events
                    .drain(..)
                    .for_each(|event| mirror.event(&event, 1));
                if lost > 0 {
                    self.lost = true;
                    mirror.lose(lost);
                }
            }
            Step::Rows(count) => self.rows(count, mirror),
        }
    }

    /// The kernel makes the next part of a dump when the one before is read, so it is old by the time it is read.
    fn rows(&mut self, count: u8, mirror: &mut Mirror) {
        let Some(from) = self.dump else {
            mirror.begin();
            self.make_part(0, count);
            return;
        };
        let part = std::mem::take(&mut self.part);
        let ends = part.is_empty();
        self.make_part(from, count);
        for (number, id) in part {
            mirror.row(&entry(number), id, 1);
        }
        if ends {
            (self.dump, self.part) = (None, Vec::new());
            self.apply(Step::Read(u8::MAX), mirror);
            mirror.end(1);
        }
    }

    fn make_part(&mut self, from: u16, count: u8) {
        // An entry from before and a later one of the same tuple lie at different places.
        let left = self.table.range(from..);
        let part = left.map(|(number, tells)| (*number, if *tells { 7 } else { 0 }));
        self.part = part.take(count.into()).collect();
        let numbers = self.part.iter().map(|(number, _)| *number);
        self.shown.extend(numbers);
        self.dump = Some(self.part.last().map_or(from, |(last, _)| last + 1));
    }

    /// The dump under way comes to its end, and another shows all there is.
    fn settle(&mut self, mirror: &mut Mirror) {
        self.apply(Step::Read(u8::MAX), mirror);
        while self.dump.is_some() {
            self.rows(u8::MAX, mirror);
        }
        self.rows(u8::MAX, mirror);
        while self.dump.is_some() {
            self.rows(u8::MAX, mirror);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Entries take part again and again under one key, which is harder than it is in truth: the kernel's identifiers
    /// rarely come back.
    #[test]
    fn inserted_less_ended_is_the_change_of_the_table(
        before in proptest::collection::btree_set(0..24_u16, 0..8),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut kernel = Kernel::default();
        kernel.table.extend(before.iter().map(|number| (*number, false)));
        let mut mirror = mirror();
        for step in steps {
            kernel.apply(step, &mut mirror);
        }
        kernel.settle(&mut mirror);
        let (sum, losses) = take(&mut mirror, None);
        prop_assert_eq!(mirror.len(), kernel.table.len());
        let began = before.len() as u64 - kernel.unseen;
        prop_assert_eq!(began + sum.inserted, sum.ended.total() + kernel.table.len() as u64);
        prop_assert!(sum.inserted <= kernel.inserted);
        if !kernel.lost {
            prop_assert_eq!(sum.inserted, kernel.inserted);
            // Nobody tells why an entry of before ended.
            let cause_lost = losses.cause_lost;
            prop_assert_eq!(losses, Losses { cause_lost, ..none_lost() });
        }
    }
}
