use proptest::prelude::*;

use super::*;
use crate::model::endpoint::{Family, Protocol};

const NETNS: Netns = Netns {
    cookie: 1,
    inode: 1,
};

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        netns: NETNS,
        family: Family::Ipv4,
        protocol: Protocol::TCP,
        role: None,
        port,
        address: None,
    }
}

fn table(count: u64, drop: u64, insert_failed: u64) -> Table {
    Table {
        netns: NETNS,
        count: Some(count),
        max: Some(100),
        buckets: None,
        stats: Some(KernelStats {
            drop,
            insert_failed,
            ..KernelStats::default()
        }),
    }
}

fn full(drop: u64) -> Table {
    table(100, drop, 0)
}

fn seen(ports: &[(u16, u64)]) -> Vec<(Endpoint, u64)> {
    ports.iter().map(|&(port, n)| (endpoint(port), n)).collect()
}

fn refused(attributed: &Attributed) -> Vec<(u16, u64)> {
    let ports = attributed.refused.iter();
    ports.map(|(endpoint, n)| (endpoint.port, *n)).collect()
}

fn begun(at: Table) -> Attribution {
    let mut attribution = Attribution::default();
    attribution.attribute(&[at], Some(&[]));
    attribution
}

#[test]
fn as_many_packets_as_refusals_are_each_attributed() {
    let mut attribution = begun(full(10));
    let all = attribution.attribute(&[full(15)], Some(&seen(&[(80, 2), (443, 3)])));
    assert_eq!(refused(&all), [(80, 2), (443, 3)]);
    assert_eq!((all.unattributed, all.candidates, all.shared), (0, 0, 0));
}

#[test]
fn what_was_counted_before_its_packet_was_dropped_is_attributed_with_the_next_sample() {
    let mut attribution = begun(full(0));
    let early = attribution.attribute(&[full(5)], Some(&seen(&[(80, 3)])));
    assert_eq!((refused(&early), early.unattributed), (vec![(80, 3)], 0));
    let late = attribution.attribute(&[full(5)], Some(&seen(&[(80, 1)])));
    assert_eq!((refused(&late), late.unattributed), (vec![(80, 1)], 1));
    let nothing = attribution.attribute(&[full(5)], Some(&[]));
    assert_eq!(nothing, Attributed::default());
}

#[test]
fn a_firewalls_drops_are_nobodys_refusals() {
    let mut attribution = begun(full(7));
    let all = attribution.attribute(&[full(7)], Some(&seen(&[(23, 1_000)])));
    assert_eq!(refused(&all), []);
    assert_eq!(
        (all.unattributed, all.candidates, all.shared),
        (0, 1_000, 0)
    );
}

#[test]
fn among_a_firewalls_drops_refusals_are_shared_out_by_largest_remainder() {
    let mut attribution = begun(full(0));
    let all = attribution.attribute(&[full(10)], Some(&seen(&[(22, 1), (80, 5), (443, 14)])));
    // 0.5, 2.5 and 7: the first half goes to the lower port.
    assert_eq!(refused(&all), [(22, 1), (80, 2), (443, 7)]);
    assert_eq!((all.unattributed, all.candidates, all.shared), (0, 20, 10));
}

#[test]
fn where_packets_were_not_watched_the_kernels_figure_remains() {
    let mut attribution = begun(full(0));
    let all = attribution.attribute(&[full(6)], None);
    assert_eq!((refused(&all), all.unattributed), (vec![], 6));
}

#[test]
fn clashes_are_no_refusals_and_neither_are_drops_far_from_the_limit() {
    assert_eq!(by_kernel(&table(100, 0, 0), &table(100, 9, 4)), Some(5));
    assert_eq!(by_kernel(&table(10, 0, 0), &table(12, 3, 0)), Some(0));
    assert_eq!(by_kernel(&table(10, 0, 0), &table(95, 3, 0)), Some(3));
    let mut evicting = table(10, 3, 0);
    evicting
        .stats
        .iter_mut()
        .for_each(|stats| stats.early_drop = 1);
    assert_eq!(by_kernel(&table(10, 0, 0), &evicting), Some(3));
    let mut unread = table(100, 3, 0);
    unread.stats = None;
    assert_eq!(by_kernel(&table(100, 0, 0), &unread), None);
    let mut long_chain = table(100, 3, 3);
    long_chain
        .stats
        .iter_mut()
        .for_each(|stats| stats.chaintoolong = Some(3));
    assert_eq!(by_kernel(&table(100, 0, 0), &long_chain), Some(3));
}

proptest! {
    #[test]
    fn all_that_was_refused_is_attributed_or_told_as_unattributed(
        steps in proptest::collection::vec((0..50_u64, proptest::collection::vec(0..20_u64, 3)), 1..20)
    ) {
        let mut attribution = begun(full(0));
        let (mut drop, mut sum, mut packets) = (0, 0, 0);
        let quiet = (0, vec![0]);
        for (more, seen) in steps.into_iter().chain([quiet]) {
            drop += more;
            packets += seen.iter().sum::<u64>();
            let candidates: Vec<_> = (1..).map(endpoint).zip(seen).collect();
            let all = attribution.attribute(&[full(drop)], Some(&candidates));
            let attributed: u64 = all.refused.values().sum();
            prop_assert!(attributed <= packets);
            sum += attributed + all.unattributed;
        }
        prop_assert_eq!(sum, drop);
    }
}
