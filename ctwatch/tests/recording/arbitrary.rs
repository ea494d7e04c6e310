//! Recordings of any shape the model allows.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ctwatch::model::{
    counters::{Counters, Ended},
    dump::{ClientDump, Dump, DumpKind, EndpointDump, Evidence, Finding},
    endpoint::{Endpoint, Family, Netns, Protocol, Role},
    ledger::{Counted, Kernel, Ledger, NetnsLedger},
    lifetime::Lifetimes,
    node::{Address, Namespace, Node, RulesetKind, RulesetText},
    recording::{Backend, Header, Recording},
    sample::{Losses, Sample},
    table::{KernelStats, Table},
    unobserved::{Figure, Unobserved},
};
use proptest::{array, collection::vec, option, prelude::*, sample::select};

mod events;

use events::{event, evictions, gap};

fn netns() -> impl Strategy<Value = Netns> {
    // Few, so that they repeat: the same inode under two cookies, and a cookie beyond an i64.
    select(vec![
        (0, 0),
        (1, 4_026_531_840),
        (2, 4_026_531_840),
        (u64::MAX, u32::MAX),
    ])
    .prop_map(|(cookie, inode)| Netns { cookie, inode })
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        Just(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let role = select(vec![
        Role::Inbound,
        Role::Outbound,
        Role::Forwarded,
        Role::Loopback,
        Role::Encapsulation,
    ]);
    let family = select(vec![Family::Ipv4, Family::Ipv6]);
    (
        netns(),
        family,
        any::<u8>(),
        option::of(role),
        any::<u16>(),
        option::of(ip()),
    )
        .prop_map(|(netns, family, protocol, role, port, address)| Endpoint {
            netns,
            family,
            protocol: Protocol(protocol),
            role,
            port,
            address,
        })
}

fn counters() -> impl Strategy<Value = Counters> {
    (
        array::uniform22(any::<u64>()),
        any::<i64>(),
        array::uniform10(any::<u64>()),
    )
        .prop_map(|(n, age_ms, tcp_last)| Counters {
            inserted: n[0],
            ended: Ended {
                expired: n[1],
                evicted: n[2],
                evicted_background: n[3],
                reset: n[4],
                deleted: n[5],
                netns_gone: n[6],
                other: n[7],
            },
            refused: n[8],
            insert_failed: n[9],
            clash_merged: n[10],
            clash_dropped: n[16],
            snat: n[11],
            dnat: n[12],
            helper: n[13],
            unreplied: n[14],
            assured: n[15],
            age_ms,
            nat_exhausted: n[17],
            chain_too_long: n[18],
            dying: n[19],
            reopened: n[20],
            syn_ignored: n[21],
            tcp_last,
        })
}

fn losses() -> impl Strategy<Value = Losses> {
    let of_some = array::uniform2(option::of(any::<u64>()));
    (of_some, array::uniform12(any::<u64>())).prop_map(|([probe_misses, events_lost], n)| Losses {
        probe_misses,
        events_lost,
        unattributed: n[0],
        refused_unattributed: n[1],
        refused_ctnetlink: n[2],
        cause_lost: n[3],
        cause_raced: n[4],
        unreadable: n[5],
        unpaired: n[6],
        resynced_inserted: n[7],
        resynced_ended: n[8],
        events_suppressed: n[9],
        ring_lost: n[10],
        pairs_lost: n[11],
    })
}

fn table(netns: Netns) -> impl Strategy<Value = Table> {
    let gauge = || option::of(0..3_u64);
    let stats = (array::uniform6(0..3_u64), gauge(), gauge()).prop_map(
        |(n, clash_resolve, chaintoolong)| KernelStats {
            found: n[0],
            invalid: n[1],
            insert: n[2],
            insert_failed: n[3],
            drop: n[4],
            early_drop: n[5],
            clash_resolve,
            chaintoolong,
        },
    );
    (gauge(), gauge(), gauge(), option::of(stats)).prop_map(move |(count, max, buckets, stats)| {
        Table {
            netns,
            count,
            max,
            buckets,
            stats,
        }
    })
}

/// Tables by namespace in order, none twice.
fn tables() -> impl Strategy<Value = Vec<Table>> {
    vec(netns().prop_flat_map(table), 0..4).prop_map(|tables| {
        let by_netns: BTreeMap<Netns, Table> = tables.into_iter().map(|t| (t.netns, t)).collect();
        by_netns.into_values().collect()
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    (
        any::<i64>(),
        any::<u64>(),
        vec((endpoint(), counters()), 0..6),
        prop_oneof![Just(Counters::default()), counters()],
        evictions(),
        tables(),
        losses(),
    )
        .prop_map(
            |(at_ms, elapsed_ms, deltas, unattributed, evictions, tables, losses)| Sample {
                at_ms,
                elapsed_ms,
                deltas: deltas.into_iter().filter(|(_, c)| !c.is_zero()).collect(),
                unattributed,
                evictions,
                tables,
                losses,
            },
        )
}

fn endpoint_dump() -> impl Strategy<Value = EndpointDump> {
    let finding = select(vec![
        Finding::DnatObserved,
        Finding::SnatObserved,
        Finding::Helper,
        Finding::Expectation,
        Finding::Connmark,
        Finding::Connlabel,
        Finding::CtZone,
        Finding::SeqAdjust,
        Finding::Flowtable,
    ]);
    let evidence =
        (any::<u64>(), ".*").prop_map(|(entries, example)| Evidence { entries, example });
    (
        array::uniform3(any::<u64>()),
        proptest::collection::btree_map("[A-Z_]{1,12}", any::<u64>(), 0..4),
        proptest::collection::btree_map(finding, evidence, 0..3),
    )
        .prop_map(
            |([entries, clients, unreplied], states, findings)| EndpointDump {
                entries,
                states: states.into(),
                clients,
                unreplied,
                findings,
            },
        )
}

fn dump() -> impl Strategy<Value = Dump> {
    let kind = select(vec![
        DumpKind::Baseline,
        DumpKind::Periodic,
        DumpKind::Final,
    ]);
    let client = (ip(), array::uniform3(any::<u64>())).prop_map(
        |(address, [entries, unreplied, endpoints])| ClientDump {
            address,
            entries,
            unreplied,
            endpoints,
        },
    );
    (
        (netns(), any::<i64>(), array::uniform3(any::<u64>()), kind),
        proptest::collection::btree_map(endpoint(), endpoint_dump(), 0..4),
        vec(client, 0..4),
    )
        .prop_map(
            |((netns, at_ms, [took_ms, entries, distinct_clients], kind), endpoints, clients)| {
                Dump {
                    netns,
                    at_ms,
                    took_ms,
                    kind,
                    entries,
                    endpoints,
                    clients,
                    distinct_clients,
                    left: Vec::new(),
                    translated: Vec::new(),
                }
            },
        )
}

fn node() -> impl Strategy<Value = Node> {
    let address =
        (netns(), ".*", ip(), any::<u8>()).prop_map(|(netns, interface, address, prefix)| {
            Address {
                netns,
                interface,
                address,
                prefix,
            }
        });
    let namespace = (option::of(".*"), any::<bool>());
    let namespaces = proptest::collection::btree_map(netns(), namespace, 0..4).prop_map(|all| {
        let namespace = |(netns, (name, own))| Namespace { netns, name, own };
        all.into_iter().map(namespace).collect()
    });
    let kind = select(vec![
        RulesetKind::IptablesSave,
        RulesetKind::Ip6tablesSave,
        RulesetKind::IptablesLegacySave,
        RulesetKind::Ip6tablesLegacySave,
        RulesetKind::NftJson,
        RulesetKind::IpVs,
    ]);
    let ruleset =
        (netns(), kind, ".*").prop_map(|(netns, kind, text)| RulesetText { netns, kind, text });
    (
        (".*", ".*", any::<u32>(), option::of(any::<u32>())),
        proptest::collection::btree_map(".*", ".*", 0..4),
        vec(address, 0..4),
        namespaces,
        vec(any::<u16>(), 0..3),
        vec(ruleset, 0..3),
        vec(".*", 0..3),
    )
        .prop_map(
            |(
                (hostname, kernel, cpus, hz),
                sysctls,
                addresses,
                namespaces,
                control_ports,
                rulesets,
                unread,
            )| Node {
                hostname,
                kernel,
                cpus,
                hz,
                sysctls,
                addresses,
                namespaces,
                control_ports,
                rulesets,
                unread,
            },
        )
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let figures = || array::uniform13(option::of(any::<u64>()));
    let books = (
        netns(),
        array::uniform2(any::<u64>()),
        option::of(any::<i64>()),
        figures(),
    )
        .prop_map(|(netns, [inserted, ended], count_change, n)| NetnsLedger {
            netns,
            inserted,
            ended,
            count_change,
            counted: Counted {
                refused: n[0],
                evicted: n[1],
                insert_failed: n[2],
                clash_dropped: n[3],
                nat_exhausted: n[4],
                chain_too_long: n[5],
                dying: n[6],
                clash_merged: n[7],
            },
            kernel: Kernel {
                drop: n[8],
                early_drop: n[9],
                insert_failed: n[10],
                chaintoolong: n[11],
                clash_resolve: n[12],
            },
        });
    (vec(books, 0..3), losses()).prop_map(|(namespaces, losses)| Ledger { namespaces, losses })
}

/// An endpoint without a bucket leaves nothing to read.
fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    proptest::collection::btree_map(any::<u64>(), any::<u64>(), 1..4)
        .prop_map(|buckets| Lifetimes { buckets })
}

fn unobserved() -> impl Strategy<Value = Unobserved> {
    let counters = select(vec![
        Figure::Expired,
        Figure::Evicted,
        Figure::EvictedBackground,
        Figure::Reset,
        Figure::Deleted,
        Figure::Refused,
        Figure::InsertFailed,
        Figure::ClashDropped,
        Figure::ClashMerged,
        Figure::NatExhausted,
        Figure::ChainTooLong,
        Figure::Dying,
        Figure::Reopened,
        Figure::SynIgnored,
        Figure::Newcomers,
        Figure::Events,
        Figure::Unreplied,
        Figure::Assured,
        Figure::LastState,
    ]);
    proptest::collection::btree_set(counters, 0..19).prop_map(Unobserved)
}

/// What a source without events does not lose.
fn hide_losses(losses: &mut Losses, unobserved: &Unobserved) {
    if !unobserved.is_observed(Figure::Events) {
        (losses.events_suppressed, losses.ring_lost) = (0, 0);
    }
    if !unobserved.is_observed(Figure::Newcomers) {
        losses.pairs_lost = 0;
    }
}

/// As a source counts that does not see what is unobserved.
fn hidden(mut samples: Vec<Sample>, unobserved: &Unobserved) -> Vec<Sample> {
    for sample in &mut samples {
        hide_losses(&mut sample.losses, unobserved);
        let deltas = sample.deltas.iter_mut().map(|(_, counters)| counters);
        for counters in deltas.chain([&mut sample.unattributed]) {
            for figure in &unobserved.0 {
                *match figure {
                    Figure::Expired => &mut counters.ended.expired,
                    Figure::Evicted => &mut counters.ended.evicted,
                    Figure::EvictedBackground => &mut counters.ended.evicted_background,
                    Figure::Reset => &mut counters.ended.reset,
                    Figure::Deleted => &mut counters.ended.deleted,
                    Figure::Refused => &mut counters.refused,
                    Figure::InsertFailed => &mut counters.insert_failed,
                    Figure::ClashDropped => &mut counters.clash_dropped,
                    Figure::ClashMerged => &mut counters.clash_merged,
                    Figure::NatExhausted => &mut counters.nat_exhausted,
                    Figure::ChainTooLong => &mut counters.chain_too_long,
                    Figure::Dying => &mut counters.dying,
                    Figure::Reopened => &mut counters.reopened,
                    Figure::SynIgnored => &mut counters.syn_ignored,
                    Figure::Newcomers | Figure::Events => continue,
                    Figure::Unreplied => &mut counters.unreplied,
                    Figure::Assured => &mut counters.assured,
                    Figure::LastState => {
                        counters.tcp_last = Default::default();
                        continue;
                    }
                } = 0;
            }
        }
    }
    samples
}

/// A recording; `ledger` is there exactly when it ended in order.
pub(crate) fn recording() -> impl Strategy<Value = Recording> {
    let backend = select(vec![
        Backend::Kprobe,
        Backend::Fentry,
        Backend::Netlink,
        Backend::Dump,
    ]);
    let header = (
        ".*",
        any::<i64>(),
        any::<u64>(),
        backend,
        vec(".*", 0..3),
        unobserved(),
    )
        .prop_map(
            |(version, started_ms, interval_ms, backend, degraded, unobserved)| Header {
                version,
                started_ms,
                interval_ms,
                backend,
                degraded,
                unobserved,
            },
        );
    (
        header,
        node(),
        vec(sample(), 0..6),
        vec(dump(), 0..3),
        proptest::collection::btree_map(endpoint(), lifetimes(), 0..4),
        (vec(event(), 0..4), vec(gap(), 0..3)),
        option::of((any::<i64>(), ledger())),
    )
        .prop_map(
            |(header, node, samples, dumps, lifetimes, (events, gaps), end)| Recording {
                samples: hidden(samples, &header.unobserved),
                dumps,
                lifetimes,
                events,
                gaps,
                ended_ms: end.as_ref().map(|(ended_ms, _)| *ended_ms),
                ledger: end.map(|(_, mut ledger)| {
                    hide_losses(&mut ledger.losses, &header.unobserved);
                    ledger
                }),
                header,
                node,
            },
        )
}
