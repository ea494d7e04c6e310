#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::fs::File;

use ctwatch_common::endpoint::{self, EndpointKey, role};

use super::*;

const CPUS: u32 = 2;
const CLOCK: Clock = Clock {
    hz: Some(250),
    attached_ns: 0,
};

/// The arrays as files, and this side of them as the kernel side sees it.
struct Kernel {
    fds: MapFds<File>,
    hot: Mapped<Hot>,
    cold: Mapped<Cold>,
    owners: Mapped<Owner>,
    losses: Mapped<RawLosses>,
    histograms: Mapped<Histogram>,
}

fn file<T>(count: u32) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(u64::from(count) * size_of::<T>() as u64)
        .unwrap();
    file
}

impl Kernel {
    fn new() -> Self {
        let fds = MapFds {
            hot: file::<Hot>(SLOTS * CPUS),
            cold: file::<Cold>(SLOTS * CPUS),
            owners: file::<Owner>(SLOTS),
            losses: file::<RawLosses>(CPUS),
            shared: file::<Shared>(1),
            histograms: file::<Histogram>(limits::HISTOGRAMS),
        };
        let mut kernel = Self {
            hot: Mapped::new(&fds.hot, (SLOTS * CPUS) as usize).unwrap(),
            cold: Mapped::new(&fds.cold, (SLOTS * CPUS) as usize).unwrap(),
            owners: Mapped::new(&fds.owners, SLOTS as usize).unwrap(),
            losses: Mapped::new(&fds.losses, CPUS as usize).unwrap(),
            histograms: Mapped::new(&fds.histograms, limits::HISTOGRAMS as usize).unwrap(),
            fds,
        };
        let all = RawLosses {
            run_end: SLOTS,
            ..RawLosses::default()
        };
        kernel.losses.set(0, all);
        kernel
    }

    fn reader(&self, clock: Clock) -> CounterReader {
        CounterReader::new(&self.fds, CPUS, clock, false).unwrap()
    }

    /// Half of these on each CPU.
    fn insert(&mut self, slot: usize, more: u32) {
        for cpu in [0, SLOTS as usize] {
            let mut hot = self.hot.get(cpu + slot);
            hot.inserted += more / CPUS;
            self.hot.set(cpu + slot, hot);
        }
    }

    /// A clash is merged on the last CPU, and noted if `noted`.
    fn merge_clash(&mut self, slot: usize, noted: bool) {
        let index = ((CPUS - 1) * SLOTS) as usize + slot;
        let mut cold = self.cold.get(index);
        cold.clash_merged += 1;
        self.cold.set(index, cold);
        if noted {
            let mut losses = self.losses.get((CPUS - 1) as usize);
            losses.cold_alone += 1;
            self.losses.set((CPUS - 1) as usize, losses);
        }
    }

    /// The endpoint of port `slot`.
    fn take(&mut self, slot: usize) {
        let key = EndpointKey {
            net_cookie: 7,
            port: slot as u16,
            protocol: 6,
            family: endpoint::AF_INET,
            role: role::INBOUND,
            ..EndpointKey::default()
        };
        let owner = Owner {
            key,
            netns_inode: 9,
            taken: 1,
            ..Owner::default()
        };
        self.owners.set(slot, owner);
    }

    /// One sampled entry lived that long.
    fn died(&mut self, slot: usize, bucket: usize) {
        let number = self.owners.get(slot).histogram as usize;
        assert_ne!(number, 0, "nobody's histogram");
        let mut histogram = self.histograms.get(number);
        histogram.buckets[bucket] += 1;
        self.histograms.set(number, histogram);
    }
}

#[test]
fn a_busy_endpoint_gets_a_histogram_of_its_own_and_stays_who_it_is() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    for (slot, inserted) in [(1, 62), (2, 64), (3, 62)] {
        kernel.take(slot);
        kernel.insert(slot, inserted);
    }
    let before = kernel.owners.get(2);
    assert_eq!(reader.read().deltas.len(), 3);
    let given = |kernel: &Kernel| [1, 2, 3].map(|slot| kernel.owners.get(slot).histogram);
    assert_eq!(given(&kernel), [0, 1, 0]);
    let after = Owner {
        histogram: 0,
        ..kernel.owners.get(2)
    };
    assert_eq!(after, before);
    kernel.insert(2, 1_000);
    kernel.insert(3, 2);
    reader.read();
    reader.read();
    assert_eq!(given(&kernel), [0, 1, 2]);
}

#[test]
fn lifetimes_are_told_in_milliseconds_where_an_entry_ended() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    for slot in [4, 5] {
        kernel.take(slot);
        kernel.insert(slot, 100);
    }
    reader.read();
    assert_eq!(reader.lifetimes(), []);
    // Less than one jiffy, less than 2^9, less than 2^31.
    for bucket in [0, 9, 9, 31] {
        kernel.died(5, bucket);
    }
    let lifetimes = reader.lifetimes();
    assert_eq!(lifetimes.len(), 1);
    assert_eq!(lifetimes[0].0.port, 5);
    assert_eq!(lifetimes[0].0.netns.cookie, 7);
    let buckets: Vec<_> = lifetimes[0].1.buckets.clone().into_iter().collect();
    assert_eq!(buckets, [(4, 1), (2_048, 2), (8_589_934_592, 1)]);
}

#[test]
fn without_the_tick_rate_there_are_no_lifetimes() {
    for hz in [None, Some(0)] {
        let mut kernel = Kernel::new();
        let mut reader = kernel.reader(Clock { hz, ..CLOCK });
        kernel.take(1);
        kernel.insert(1, 100);
        reader.read();
        kernel.died(1, 3);
        assert_eq!(reader.lifetimes(), []);
    }
}

#[test]
fn the_busiest_get_the_histograms_that_are_left() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    let slots = limits::HISTOGRAMS as usize + 10;
    for slot in 1..=slots {
        kernel.take(slot);
        kernel.insert(slot, 64 + 2 * slot as u32);
    }
    reader.read();
    let without: Vec<usize> = (1..=slots)
        .filter(|slot| kernel.owners.get(*slot).histogram == 0)
        .collect();
    assert_eq!(without, (1..=11).collect::<Vec<_>>());
    // Numbers stay inside the array, and nobody shares one.
    let mut numbers: Vec<u32> = (12..=slots)
        .map(|slot| kernel.owners.get(slot).histogram)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..limits::HISTOGRAMS).collect::<Vec<_>>());
}

#[test]
fn an_owner_that_is_being_written_is_left_alone() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    kernel.insert(1, 100);
    assert!(reader.read().deltas.is_empty());
    assert_eq!(kernel.owners.get(1), Owner::default());
    kernel.take(1);
    assert_eq!(reader.read().deltas[0].1.inserted, 100);
    assert_eq!(kernel.owners.get(1).histogram, 1);
}

#[test]
fn what_could_not_be_attributed_has_no_lifetimes() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    kernel.insert(UNATTRIBUTED as usize, 100);
    assert_eq!(reader.read().unattributed.inserted, 100);
    assert_eq!(kernel.owners.get(UNATTRIBUTED as usize), Owner::default());
}

/// What a walk shows of clashes that were merged, by port.
fn merged(reader: &mut CounterReader) -> Vec<(u16, u64)> {
    let deltas = reader.read().deltas.into_iter();
    deltas
        .map(|(endpoint, moved)| (endpoint.port, moved.clash_merged))
        .collect()
}

#[test]
fn cold_counters_that_move_alone_are_seen() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    for slot in [1, 2] {
        kernel.take(slot);
        kernel.insert(slot, 2);
    }
    assert_eq!(merged(&mut reader), [(1, 0), (2, 0)]);
    for _ in 0..3 {
        assert_eq!(merged(&mut reader), []);
    }
    kernel.merge_clash(2, true);
    assert_eq!(merged(&mut reader), [(2, 1)]);
    // A processor that showed the note first.
    kernel.merge_clash(1, false);
    assert_eq!(merged(&mut reader), [(1, 1)]);
}

#[test]
fn cold_counters_that_follow_a_hot_one_are_seen() {
    let mut kernel = Kernel::new();
    let mut reader = kernel.reader(CLOCK);
    kernel.take(1);
    kernel.insert(1, 2);
    assert_eq!(merged(&mut reader), [(1, 0)]);
    kernel.merge_clash(1, false);
    assert_eq!(merged(&mut reader), [(1, 1)]);
}
