//! What holds of any line.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::model::{endpoint::Family, entry::Tuple};

fn address(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::Ipv4 => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
        // An IPv4 address in IPv6 is printed in dots, as glibc does.
        Family::Ipv6 => any::<[u16; 8]>().prop_map(IpAddr::from).boxed(),
    }
}

fn tuple(family: Family) -> impl Strategy<Value = Tuple> {
    (address(family), address(family), any::<u16>(), any::<u16>()).prop_map(
        |(source, destination, source_port, destination_port)| Tuple {
            source,
            destination,
            source_port,
            destination_port,
        },
    )
}

/// What an entry is beside its tuples: protocol, state, whether it was answered, flag, time left, mark, zone, helper.
type Rest = (
    u8,
    Option<u8>,
    bool,
    usize,
    Option<u32>,
    u32,
    u16,
    Option<String>,
);

fn rest() -> impl Strategy<Value = Rest> {
    (
        any::<u8>(),
        proptest::option::of(0..State::NAMES.len() as u8),
        any::<bool>(),
        0..4_usize,
        any::<Option<u32>>(),
        any::<u32>(),
        any::<u16>(),
        proptest::option::of("[a-z][a-z0-9-]{0,15}"),
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)]
        .prop_flat_map(|family| {
            let original = tuple(family);
            (Just(family), original, tuple(family), any::<bool>(), rest())
        })
        .prop_map(|(family, original, reply, inverse, rest)| {
            // Most entries are not translated.
            let reply = if inverse { original.inverse() } else { reply };
            made((family, original, reply, rest))
        })
}

fn made((family, original, reply, rest): (Family, Tuple, Tuple, Rest)) -> Entry {
    let (protocol, state, replied, flag, timeout_seconds, mark, zone, helper) = rest;
    let protocol = Protocol(protocol);
    let offload = status::OFFLOAD;
    let flags = [0, status::ASSURED, offload, offload | status::HW_OFFLOAD];
    let is_icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6);
    let has_values = protocol.has_ports() || is_icmp || protocol == Protocol::GRE;
    let printed = |tuple: Tuple| if has_values { tuple } else { portless(tuple) };
    Entry {
        family,
        protocol,
        original: printed(original),
        reply: printed(reply),
        state: state.map(State),
        status: flags[flag] | if replied { status::SEEN_REPLY } else { 0 },
        timeout_seconds,
        mark,
        zone,
        helper,
        expected: false,
        labelled: false,
    }
}

fn portless(tuple: Tuple) -> Tuple {
    Tuple {
        source_port: 0,
        destination_port: 0,
        ..tuple
    }
}

proptest! {
    #[test]
    fn a_printed_entry_reads_back(entry in entry()) {
        prop_assert_eq!(one(&entry.to_string()).entry, entry);
    }

    #[test]
    fn no_bytes_and_no_cut_make_it_panic(
        bytes: Vec<u8>,
        line in proptest::sample::select([LIST, SAVE, XML, PROC, EXTENDED].concat().lines().map(str::to_owned).collect::<Vec<_>>()),
        at: prop::sample::Index,
        with: u8,
    ) {
        let mut line = line.into_bytes();
        let at = at.index(line.len());
        let _ = parse(&bytes, &mut blank());
        let _ = parse(&[&line[..at], &bytes].concat(), &mut blank());
        line[at] = with;
        let _ = parse(&line, &mut blank());
        scanned(&line, 1);
    }
}
