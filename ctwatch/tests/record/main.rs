//! `ctwatch record` on the running kernel, whatever it lets us watch by, in network namespaces of the tests' own.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot set up its namespace has failed"
)]

use std::{collections::BTreeMap, fs, path::Path};

use ctwatch::model::{
    counters::Counters,
    endpoint::Protocol,
    recording::{Backend, Recording},
    unobserved::Figure,
};

#[path = "../listener/namespace.rs"]
mod namespace;
mod recorder;

use namespace::{count, in_a_namespace, is_skipped, listed, run, tcp_connections, udp_flows};
use recorder::Recorder;

/// Everything that was counted at a port.
fn of(recording: &Recording, protocol: Protocol, port: u16) -> Counters {
    let mut sum = Counters::default();
    for (endpoint, counters) in recording.samples.iter().flat_map(|sample| &sample.deltas) {
        if endpoint.protocol == protocol && endpoint.port == port {
            sum += *counters;
        }
    }
    sum
}

/// Entries at the end by protocol and port.
fn last_dump(recording: &Recording) -> BTreeMap<(Protocol, u16), u64> {
    let mut entries = BTreeMap::new();
    for (endpoint, seen) in &recording.dumps.last().unwrap().endpoints {
        *entries
            .entry((endpoint.protocol, endpoint.port))
            .or_default() += seen.entries;
    }
    entries
}

/// The books balance and nothing was lost.
fn balances(recording: &Recording) {
    let ledger = recording.ledger.as_ref().unwrap();
    for books in &ledger.namespaces {
        let net = books.inserted.cast_signed() - books.ended.cast_signed();
        assert_eq!(Some(net), books.count_change);
        assert_eq!(books.counted.evicted, books.kernel.early_drop);
    }
    let losses = &ledger.losses;
    assert_eq!(losses.events_lost.unwrap_or(0), 0);
    assert_eq!((losses.resynced_inserted, losses.resynced_ended), (0, 0));
    assert_eq!((losses.unattributed, losses.unreadable), (0, 0));
}

#[test]
fn every_flow_and_connection_is_counted_under_its_port() {
    if is_skipped("every_flow_and_connection_is_counted_under_its_port") {
        return;
    }
    in_a_namespace(|| {
        let recorder = Recorder::start(&[]);
        udp_flows(0, 20_000, 9_000);
        tcp_connections(2_000, 8_080);
        let (udp, tcp) = (listed("udp", 9_000), listed("tcp", 8_080));
        assert_eq!((udp, tcp, count()), (20_000, 2_000, 22_000));
        let (recording, _) = recorder.stop();
        let (at_udp, at_tcp) = (
            of(&recording, Protocol::UDP, 9_000),
            of(&recording, Protocol::TCP, 8_080),
        );
        assert_eq!((at_udp.inserted, at_udp.ended.total()), (udp, 0));
        assert_eq!((at_tcp.inserted, at_tcp.ended.total()), (tcp, 0));
        let entries = last_dump(&recording);
        assert_eq!(entries[&(Protocol::UDP, 9_000)], udp);
        assert_eq!(entries[&(Protocol::TCP, 8_080)], tcp);
        balances(&recording);
    });
}

#[test]
fn entries_from_before_and_deleted_ones_balance() {
    if is_skipped("entries_from_before_and_deleted_ones_balance") {
        return;
    }
    in_a_namespace(|| {
        udp_flows(0, 500, 9_000);
        let recorder = Recorder::start(&["--source", "netlink"]);
        udp_flows(1_000, 300, 9_001);
        run("conntrack -D -p udp --orig-port-dst 9001");
        run("conntrack -D -p udp --orig-port-dst 9000");
        assert_eq!(count(), 0);
        let (recording, said) = recorder.stop();
        let (before, come) = (
            of(&recording, Protocol::UDP, 9_000),
            of(&recording, Protocol::UDP, 9_001),
        );
        assert_eq!((before.inserted, before.ended.total()), (0, 500));
        assert_eq!((come.inserted, come.ended.deleted), (300, 300));
        balances(&recording);
        assert_eq!(recording.header.backend, Backend::Netlink);
        assert!(
            said.contains("watching through netlink events: as asked for"),
            "{said}"
        );
    });
}

#[test]
fn what_is_not_seen_is_null_and_named() {
    if is_skipped("what_is_not_seen_is_null_and_named") {
        return;
    }
    in_a_namespace(|| {
        let recorder = Recorder::start(&["--source", "netlink", "-o", "json"]);
        udp_flows(0, 10, 9_000);
        let (recording, said) = recorder.stop();
        let summary: serde_json::Value =
            serde_json::from_str(said.rsplit("ready\n").next().unwrap()).unwrap();
        assert_eq!(summary["backend"], "netlink");
        let books = &summary["ledger"]["namespaces"][0];
        assert!(books["insert_failed"]["ctwatch"].is_null(), "{books}");
        assert_eq!(books["insert_failed"]["kernel"], 0);
        assert_eq!(summary["ledger"]["losses"]["events_lost"], 0);
        let unobserved = &recording.header.unobserved;
        assert!(!unobserved.is_observed(Figure::InsertFailed));
        assert!(unobserved.is_observed(Figure::Evicted));
        let degraded = summary["degraded"].to_string();
        assert!(degraded.contains("inserts that failed"), "{degraded}");
    });
}

#[test]
fn with_events_switched_off_dumps_tell_what_is_left() {
    if is_skipped("with_events_switched_off_dumps_tell_what_is_left") {
        return;
    }
    in_a_namespace(|| {
        fs::write("/proc/sys/net/netfilter/nf_conntrack_events", "0").unwrap();
        udp_flows(0, 50, 9_000);
        let recorder = Recorder::start(&["--source", "netlink"]);
        udp_flows(1_000, 200, 9_001);
        run("conntrack -D -p udp --orig-port-dst 9000");
        let (recording, said) = recorder.stop();
        assert_eq!(recording.header.backend, Backend::Dump);
        assert_eq!(of(&recording, Protocol::UDP, 9_001).inserted, 200);
        assert_eq!(of(&recording, Protocol::UDP, 9_000).ended.other, 50);
        assert!(
            said.contains("watched through dumps of the table"),
            "{said}"
        );
        assert!(!said.contains("netlink events,"), "{said}");
        let losses = recording.ledger.unwrap().losses;
        assert_eq!(losses.events_lost, None);
    });
}

#[test]
fn a_firewalls_drops_are_no_refusals() {
    if is_skipped("a_firewalls_drops_are_no_refusals") {
        return;
    }
    in_a_namespace(|| {
        run("nft add chain inet engaged early { type filter hook prerouting priority -310 ; }");
        run("nft add rule inet engaged early udp dport 9001 drop");
        let recorder = Recorder::start(&["--source", "netlink"]);
        udp_flows(0, 100, 9_001);
        let (recording, _) = recorder.stop();
        assert_eq!(of(&recording, Protocol::UDP, 9_001).refused, 0);
        let unattributed = recording.samples.iter().map(|sample| sample.unattributed);
        assert_eq!(
            unattributed.map(|counters| counters.refused).sum::<u64>(),
            0
        );
    });
}

#[test]
fn where_there_are_no_kprobes_the_better_source_is_missed_by_name() {
    let name = "where_there_are_no_kprobes_the_better_source_is_missed_by_name";
    if is_skipped(name) {
        return;
    }
    if Path::new("/sys/bus/event_source/devices/kprobe").exists() {
        println!("skipped: {name}: this kernel has kprobes");
        return;
    }
    in_a_namespace(|| {
        let said = recorder::refusal(&["--source", "kprobe"]);
        assert!(said.starts_with("ctwatch: cannot attach "), "{said}");
        assert!(said.contains("CONFIG_KPROBES"), "{said}");
        let (recording, said) = Recorder::start(&[]).stop();
        assert_eq!(recording.header.backend, Backend::Netlink);
        let says = "ctwatch: watching through netlink events: cannot attach ";
        assert!(said.starts_with(says), "{said}");
        assert!(recording.header.degraded[0].contains("CONFIG_KPROBES"));
    });
}

#[test]
fn cap_net_admin_alone_suffices_and_what_that_leaves_out_is_told() {
    if is_skipped("cap_net_admin_alone_suffices_and_what_that_leaves_out_is_told") {
        return;
    }
    in_a_namespace(|| {
        let lacking = ["setpriv", "--bounding-set=-all,+net_admin"];
        let recorder = Recorder::start_by(&lacking, &[]);
        udp_flows(0, 40, 9_000);
        let (recording, said) = recorder.stop();
        assert_eq!(of(&recording, Protocol::UDP, 9_000).inserted, 40);
        assert_eq!(recording.header.backend, Backend::Netlink);
        assert!(!recording.header.unobserved.is_observed(Figure::Refused));
        for words in [
            "through netlink events: cannot watch conntrack: CAP_BPF, CAP_PERFMON missing",
            "whose the refused connections are is not known",
            "CAP_SYS_ADMIN is missing: other network namespaces are not watched",
        ] {
            assert!(said.contains(words), "no {words}: {said}");
        }
    });
}
