#![allow(
    clippy::unwrap_used,
    reason = "literals, and maps that must hold the key"
)]

use std::{collections::HashSet, net::IpAddr};

use proptest::prelude::*;

use super::*;
use crate::model::{
    dump::{EndpointDump, Evidence, Finding},
    endpoint::{Family, Protocol, Role},
    entry::{State, Tuple},
    status,
};

const NETNS: Netns = Netns {
    cookie: 7,
    inode: 4_026_531_840,
};

fn entry(source: &str, destination: &str, port: u16) -> Entry {
    let original = Tuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        source_port: 40_000,
        destination_port: port,
    };
    Entry {
        family: Family::Ipv4,
        protocol: Protocol::TCP,
        original,
        reply: original.inverse(),
        state: State::tcp(7),
        status: status::SEEN_REPLY | status::ASSURED,
        timeout_seconds: Some(119),
        mark: 0,
        zone: 0,
        helper: None,
        expected: false,
        labelled: false,
    }
}

fn dump<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Dump {
    let own = ["203.0.113.10".parse::<IpAddr>().unwrap()];
    let mut aggregator = Aggregator::new(NETNS, Some(own.into_iter().collect()));
    for entry in entries {
        aggregator.add(entry);
    }
    aggregator.finish(1_000, 5, DumpKind::Baseline)
}

#[test]
fn clients_are_told_apart_per_endpoint_and_overall() {
    let entries = [
        entry("198.51.100.1", "203.0.113.10", 443),
        entry("198.51.100.1", "203.0.113.10", 443),
        entry("198.51.100.1", "203.0.113.10", 80),
        entry("198.51.100.2", "203.0.113.10", 443),
    ];
    let dump = dump(&entries);
    assert_eq!((dump.entries, dump.distinct_clients), (4, 2));
    let by_port: Vec<_> = dump
        .endpoints
        .iter()
        .map(|(endpoint, seen)| (endpoint.port, seen.entries, seen.clients))
        .collect();
    assert_eq!(by_port, [(80, 1, 1), (443, 3, 2)]);
    let busiest = &dump.clients[0];
    assert_eq!(busiest.address.to_string(), "198.51.100.1");
    assert_eq!((busiest.entries, busiest.endpoints), (3, 2));
    assert!(
        dump.endpoints
            .keys()
            .all(|endpoint| endpoint.role == Some(Role::Inbound))
    );
}

#[test]
fn protocols_without_states_are_told_apart_by_their_reply() {
    let mut answered = entry("198.51.100.1", "203.0.113.10", 53);
    answered.protocol = Protocol::UDP;
    answered.state = None;
    let mut silent = answered.clone();
    silent.status = 0;
    let dump = dump([&answered, &silent, &silent]);
    let seen = dump.endpoints.values().next().unwrap();
    assert_eq!(seen.unreplied, 2);
    assert_eq!(
        seen.states.iter().collect::<Vec<_>>(),
        [("REPLIED", 1), ("UNREPLIED", 2)]
    );
    assert_eq!(
        (dump.clients[0].unreplied, dump.clients[0].endpoints),
        (2, 1)
    );
}

#[test]
fn each_thing_that_needs_tracking_is_found_with_its_first_entry_as_proof() {
    let plain = entry("198.51.100.1", "203.0.113.10", 443);
    assert!(
        dump([&plain])
            .endpoints
            .values()
            .next()
            .unwrap()
            .findings
            .is_empty()
    );

    let with = |change: fn(&mut Entry)| {
        let mut changed = plain.clone();
        change(&mut changed);
        dump([&plain, &changed, &changed])
            .endpoints
            .into_values()
            .next()
            .unwrap()
            .findings
            .into_iter()
            .map(|(finding, evidence)| {
                assert_eq!(
                    evidence,
                    Evidence {
                        entries: 2,
                        example: changed.to_string()
                    }
                );
                finding
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        with(|e| e.reply.source_port = 8443),
        [Finding::DnatObserved]
    );
    assert_eq!(
        with(|e| e.status |= status::DST_NAT),
        [Finding::DnatObserved]
    );
    assert_eq!(
        with(|e| e.reply.destination_port = 1),
        [Finding::SnatObserved]
    );
    assert_eq!(
        with(|e| e.status |= status::SRC_NAT),
        [Finding::SnatObserved]
    );
    assert_eq!(with(|e| e.helper = Some("ftp".into())), [Finding::Helper]);
    assert_eq!(with(|e| e.status |= status::HELPER), [Finding::Helper]);
    assert_eq!(with(|e| e.expected = true), [Finding::Expectation]);
    assert_eq!(with(|e| e.mark = 6), [Finding::Connmark]);
    assert_eq!(with(|e| e.labelled = true), [Finding::Connlabel]);
    assert_eq!(with(|e| e.zone = 5), [Finding::CtZone]);
    assert_eq!(
        with(|e| e.status |= status::SEQ_ADJUST),
        [Finding::SeqAdjust]
    );
    assert_eq!(with(|e| e.status |= status::OFFLOAD), [Finding::Flowtable]);
}

#[test]
fn an_icmp_entrys_reply_type_is_no_translation() {
    let mut ping = entry("198.51.100.1", "203.0.113.10", 0x0800);
    ping.protocol = Protocol::ICMP;
    ping.reply.destination_port = 0;
    ping.reply.source_port = ping.original.source_port;
    ping.state = None;
    let dump = dump([&ping]);
    assert!(dump.endpoints.values().next().unwrap().findings.is_empty());
}

#[test]
fn only_the_busiest_clients_are_kept_by_name() {
    let mut entries = Vec::new();
    for number in 0..1_500_u32 {
        let mut each = entry("198.51.100.1", "203.0.113.10", 443);
        each.original.source = IpAddr::V4((0x0a00_0000 + number).into());
        entries.extend(std::iter::repeat_n(
            each,
            if number == 1_400 { 3 } else { 1 },
        ));
    }
    let dump = dump(&entries);
    assert_eq!(
        (dump.distinct_clients, dump.clients.len()),
        (1_500, Dump::MAX_CLIENTS)
    );
    assert_eq!(
        (
            dump.clients[0].address.to_string().as_str(),
            dump.clients[0].entries
        ),
        ("10.0.5.120", 3)
    );
    assert_eq!(dump.clients[1].address.to_string(), "10.0.0.0");
}

#[test]
fn neighbouring_ports_are_told_apart_and_so_are_addresses() {
    let mut entries = Vec::new();
    for port in [63, 64, 65, 127, 128, 65_535] {
        entries.push(entry("198.51.100.1", "203.0.113.10", port));
        entries.push(entry("198.51.100.1", "127.0.0.1", port));
    }
    let dump = dump(&entries);
    assert_eq!(dump.endpoints.len(), 12);
    assert!(dump.endpoints.values().all(|seen| seen.entries == 1));
    assert_eq!(dump.clients[0].endpoints, 12);
}

/// Client, port, state, whether it was answered, whether it is IPv6.
fn seeded((client, port, state, replied, six): (u8, u8, u8, bool, bool)) -> Entry {
    let (source, destination) = if six {
        (format!("2001:db8::{client}"), "2001:db8::ff")
    } else {
        (format!("198.51.100.{client}"), "203.0.113.10")
    };
    let mut each = entry(&source, destination, u16::from(port));
    each.state = State::tcp(state);
    each.status = if replied { status::SEEN_REPLY } else { 0 };
    each.mark = u32::from(port == 3);
    each
}

proptest! {
    #[test]
    fn the_busiest_are_those_of_the_whole(
        seeds in proptest::collection::vec((0_u8..20, 0_u8..4, 0_u8..10, any::<bool>(), any::<bool>()), 0..100),
        rows in 0_usize..8,
    ) {
        let entries: Vec<Entry> = seeds.into_iter().map(seeded).collect();
        let mut aggregators = [(); 2].map(|()| Aggregator::new(NETNS, None).without_findings());
        for entry in &entries {
            aggregators.iter_mut().for_each(|aggregator| aggregator.add(entry));
        }
        let [one, other] = aggregators;
        let (dump, busiest) = (one.finish(0, 0, DumpKind::Final), other.busiest(rows));
        let mut all: Vec<_> = dump.endpoints.clone().into_iter().collect();
        all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.entries));
        all.truncate(rows);
        prop_assert_eq!(busiest.endpoints, all);
        prop_assert_eq!((busiest.entries, busiest.distinct_clients), (dump.entries, dump.distinct_clients));
        prop_assert_eq!(busiest.distinct_endpoints, dump.endpoints.len() as u64);
        prop_assert_eq!(busiest.unreplied, dump.endpoints.values().map(|seen| seen.unreplied).sum::<u64>());
        prop_assert_eq!(busiest.clients, dump.clients);
    }

    #[test]
    fn two_parts_make_the_whole(
        seeds in proptest::collection::vec((0_u8..20, 0_u8..4, 0_u8..10, any::<bool>(), any::<bool>()), 0..100),
        cut: prop::sample::Index,
        settled: bool,
    ) {
        let entries: Vec<Entry> = seeds.into_iter().map(seeded).collect();
        let mut parts = [Aggregator::new(NETNS, None), Aggregator::new(NETNS, None)];
        let mut whole = Aggregator::new(NETNS, None);
        let cut = cut.index(entries.len() + 1);
        for (place, entry) in entries.iter().enumerate() {
            parts[usize::from(place >= cut)].add(entry);
            whole.add(entry);
        }
        let [mut first, mut second] = parts;
        if settled {
            first.settle();
            second.settle();
        }
        first.merge(second);
        let finish = |aggregator: Aggregator| aggregator.finish(0, 0, DumpKind::Final);
        prop_assert_eq!(finish(first), finish(whole));
    }

    #[test]
    fn what_came_in_equals_what_is_reported(
        seeds in proptest::collection::vec((0_u8..20, 0_u8..4, 0_u8..10, any::<bool>(), any::<bool>()), 0..300)
    ) {
        let entries: Vec<Entry> = seeds.into_iter().map(seeded).collect();
        let dump = dump(&entries);
        let sum = |of: fn(&EndpointDump) -> u64| dump.endpoints.values().map(of).sum::<u64>();
        let all = entries.len() as u64;
        prop_assert_eq!(dump.entries, all);
        prop_assert_eq!(sum(|seen| seen.entries), all);
        prop_assert_eq!(sum(|seen| seen.states.values().sum()), all);
        prop_assert_eq!(dump.clients.iter().map(|client| client.entries).sum::<u64>(), all);
        prop_assert_eq!(sum(|seen| seen.unreplied), dump.clients.iter().map(|client| client.unreplied).sum::<u64>());
        prop_assert_eq!(sum(|seen| seen.clients), dump.clients.iter().map(|client| client.endpoints).sum::<u64>());
        let distinct: HashSet<IpAddr> = entries.iter().map(|each| each.original.source).collect();
        prop_assert_eq!(dump.distinct_clients, distinct.len() as u64);
    }
}
