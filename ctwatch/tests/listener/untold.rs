//! What events do not tell: entries from before, namespaces without events.

use std::fs;

use ctwatch::{
    model::{dump::DumpKind, endpoint::Protocol},
    source::netlink::listener::{Listener, Mode},
};

use super::{
    listen,
    namespace::{count, in_a_namespace, is_skipped, run, udp_flows},
    of, total,
};

const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";

fn dump(listener: &mut Listener) -> u64 {
    listener.start_dumps(DumpKind::Periodic);
    let dumps = listener.wait_dumps();
    dumps.into_iter().map(|dump| dump.unwrap().entries).sum()
}

#[test]
fn the_end_of_entries_from_before_is_found_by_a_dump() {
    if is_skipped("the_end_of_entries_from_before_is_found_by_a_dump") {
        return;
    }
    in_a_namespace(|| {
        udp_flows(0, 500, 9_000);
        let mut listener = listen();
        udp_flows(500, 500, 9_000);
        let reading = listener.read(&[]);
        assert_eq!(total(&reading).inserted, 500);
        let degraded = listener.degraded();
        assert!(
            degraded
                .iter()
                .any(|it| it.starts_with("500 entries of network namespace")),
            "{degraded:?}"
        );

        run("conntrack -F");
        assert_eq!(dump(&mut listener), 0);
        let reading = listener.read(&[]);
        let udp = of(&reading, Protocol::UDP, 9_000);
        assert_eq!((udp.inserted, udp.ended.total(), count()), (0, 1_000, 0));
        let losses = reading.losses;
        assert_eq!((losses.events_lost, losses.resynced_ended), (Some(0), 0));
    });
}

#[test]
fn a_namespace_without_events_is_watched_by_dumps() {
    if is_skipped("a_namespace_without_events_is_watched_by_dumps") {
        return;
    }
    in_a_namespace(|| {
        fs::write(EVENTS, "0").unwrap();
        udp_flows(0, 100, 9_000);
        let mut listener = listen();
        assert_eq!(listener.mode(), Mode::Dumps);
        let degraded = listener.degraded();
        assert!(
            degraded[0].starts_with("net.netfilter.nf_conntrack_events is 0"),
            "{degraded:?}"
        );

        udp_flows(100, 1_000, 9_000);
        assert_eq!(
            total(&listener.read(&[])).inserted,
            0,
            "nothing told of them"
        );
        assert_eq!(dump(&mut listener), 1_100);
        let reading = listener.read(&[]);
        assert_eq!(total(&reading).inserted, 1_000);
        assert_eq!(reading.losses.events_lost, None);
        run("conntrack -F");
        dump(&mut listener);
        let all = total(&listener.read(&[]));
        assert_eq!((all.inserted, all.ended.total()), (0, 1_100));
    });
}

#[test]
fn events_switched_off_meanwhile_are_missed_by_no_dump() {
    if is_skipped("events_switched_off_meanwhile_are_missed_by_no_dump") {
        return;
    }
    in_a_namespace(|| {
        let mut listener = listen();
        udp_flows(0, 100, 9_000);
        assert_eq!(
            (total(&listener.read(&[])).inserted, listener.mode()),
            (100, Mode::Events)
        );
        fs::write(EVENTS, "0").unwrap();
        udp_flows(100, 100, 9_000);
        assert_eq!(dump(&mut listener), 200);
        let reading = listener.read(&[]);
        assert_eq!(
            (total(&reading).inserted, listener.mode()),
            (100, Mode::Dumps)
        );
        assert_eq!(listener.degraded().len(), 1, "{:?}", listener.degraded());
        run("conntrack -F");
        dump(&mut listener);
        assert_eq!(total(&listener.read(&[])).ended.total(), 200);
    });
}
