//! The netlink source on the running kernel, in network namespaces of the tests' own.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its namespace has failed"
)]

use ctwatch::{
    model::{counters::Counters, dump::DumpKind, endpoint::Protocol, reading::Reading},
    source::{
        netlink::listener::Listener,
        node::{address, netns},
    },
};

mod coming_and_going;
mod namespace;
mod stopped;
mod untold;

use namespace::{count, in_a_namespace, is_skipped, listed, run, tcp_connections, udp_flows};

/// Listens in the own namespace, with the first dump done.
fn listen() -> Listener {
    let own = netns::own().unwrap();
    let addresses = address::read(&own).unwrap();
    let mut listener = Listener::start(&[(own, Some(addresses))]).unwrap();
    listener.start_dumps(DumpKind::Baseline);
    for dump in listener.wait_dumps() {
        dump.unwrap();
    }
    listener
}

fn of(reading: &Reading, protocol: Protocol, port: u16) -> Counters {
    let mut sum = Counters::default();
    for (endpoint, counters) in &reading.deltas {
        if endpoint.protocol == protocol && endpoint.port == port {
            sum += *counters;
        }
    }
    sum
}

fn total(reading: &Reading) -> Counters {
    let mut sum = Counters::default();
    for (_, counters) in &reading.deltas {
        sum += *counters;
    }
    sum
}

#[test]
fn every_entry_is_counted_under_its_port() {
    if is_skipped("every_entry_is_counted_under_its_port") {
        return;
    }
    in_a_namespace(|| {
        let mut listener = listen();
        udp_flows(0, 20_000, 9_000);
        tcp_connections(2_000, 8_080);
        let reading = listener.read(&[]);
        let (udp, tcp) = (
            of(&reading, Protocol::UDP, 9_000),
            of(&reading, Protocol::TCP, 8_080),
        );
        assert_eq!((udp.inserted, tcp.inserted), (20_000, 2_000));
        assert_eq!(total(&reading).inserted, 22_000);
        assert_eq!(udp.inserted - udp.ended.total(), listed("udp", 9_000));
        assert_eq!(tcp.inserted - tcp.ended.total(), listed("tcp", 8_080));
        assert_eq!(22_000 - total(&reading).ended.total(), count());
        assert_eq!(reading.losses.events_lost, Some(0));

        run("conntrack -F");
        let reading = listener.read(&[]);
        let all = total(&reading);
        assert_eq!((all.inserted, all.ended.deleted), (0, 22_000));
        assert_eq!((all.ended.total(), count()), (22_000, 0));
        let ended = of(&reading, Protocol::TCP, 8_080);
        assert_eq!(ended.tcp_last[7], 2_000, "TIME_WAIT");
        assert_eq!((ended.assured, ended.unreplied), (2_000, 0));
        let ended = of(&reading, Protocol::UDP, 9_000);
        assert_eq!((ended.assured, ended.unreplied), (0, 20_000));
    });
}
