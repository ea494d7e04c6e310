//! One event of each kind, of a node with a table that is too small.

use std::net::IpAddr;

use ctwatch::{
    analysis::drops::{Explained, Fill},
    model::{
        endpoint::{Endpoint, Family, Netns, Protocol, Role},
        entry::{State, Tuple},
        event::{Event, Evicted, Other, Packet, Reason},
        status,
    },
};

/// 2026-03-01T03:00:00Z
const STARTED_NS: i64 = 1_772_334_000_000_000_000;

/// The node's own namespace, and one with a name.
const OWN: Netns = Netns {
    cookie: 1,
    inode: 4_026_531_840,
};
const BLUE: Netns = Netns {
    cookie: 7,
    inode: 4_026_532_321,
};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tuple(source: (&str, u16), destination: (&str, u16)) -> Tuple {
    Tuple {
        source: address(source.0),
        destination: address(destination.0),
        source_port: source.1,
        destination_port: destination.1,
    }
}

fn endpoint(protocol: Protocol, role: Option<Role>, original: &Tuple) -> Endpoint {
    let has_ports = protocol.has_ports();
    Endpoint {
        netns: OWN,
        family: match original.source {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        },
        protocol,
        role,
        port: if has_ports {
            original.destination_port
        } else {
            0
        },
        address: None,
    }
}

/// The event number `place`, a second and some after the one before.
fn event(place: i64, reason: Reason, protocol: Protocol, role: Role, original: Tuple) -> Event {
    Event {
        at_ns: STARTED_NS + place * 1_001_002_003,
        reason,
        cpu: u32::try_from(place % 2).unwrap(),
        endpoint: endpoint(protocol, Some(role), &original),
        zone: Some(0),
        original,
        evicted: None,
        other: None,
        packet: None,
    }
}

fn other(protocol: Protocol, role: Option<Role>, original: Tuple) -> Option<Other> {
    Some(Other {
        endpoint: endpoint(protocol, role, &original),
        original,
    })
}

fn ipv4(protocol: u8, length: u16, addresses: [u8; 8]) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let mut header = vec![0x45, 0, high, low, 0x1c, 0x46, 0x40, 0, 64, protocol, 0, 0];
    header.extend(addresses);
    header
}

/// The datagram of two entries for one flow: 3 bytes to port 53.
fn datagram() -> Packet {
    let mut bytes = ipv4(17, 31, [192, 0, 2, 7, 192, 0, 2, 10]);
    bytes.extend([0x4e, 0x21, 0, 53, 0, 11, 0, 0, 1, 2, 3]);
    Packet {
        bytes,
        whole_length: 31,
    }
}

/// The SYN of a connection that NAT finds no port for.
fn syn() -> Packet {
    let mut bytes = ipv4(6, 60, [10, 9, 0, 2, 203, 0, 113, 80]);
    bytes.extend([
        0xa0, 0x28, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0,
    ]);
    bytes.extend([0, 0, 0, 0]);
    bytes.extend([0; 20]);
    Packet {
        bytes,
        whole_length: 60,
    }
}

/// A segment of 1,400 bytes, of which the first 128 were kept, over IPv6.
fn segment() -> Packet {
    let mut bytes = vec![0x60, 0, 0, 0, 5, 0x64, 6, 63];
    bytes.extend(address_bytes("2001:db8::7"));
    bytes.extend(address_bytes("2001:db8::10"));
    bytes.extend([
        0xa0, 0x28, 0x01, 0xbb, 0, 0, 0, 9, 0, 0, 0, 1, 0x50, 0x18, 1, 0,
    ]);
    bytes.resize(128, 0);
    Packet {
        bytes,
        whole_length: 1_420,
    }
}

fn address_bytes(text: &str) -> [u8; 16] {
    let IpAddr::V6(address) = address(text) else {
        panic!("{text}");
    };
    address.octets()
}

fn evicted(state: Option<&str>, status: u32, age_ms: Option<u64>, left_ms: u64) -> Option<Evicted> {
    let number = |name| State::NAMES.iter().position(|each| *each == name).unwrap();
    Some(Evicted {
        state: state.map(|name| State(u8::try_from(number(name)).unwrap())),
        status,
        age_ms,
        left_ms,
    })
}

/// All of them, in order of time.
pub(crate) fn all() -> Vec<Explained> {
    let (udp, tcp) = (Protocol::UDP, Protocol::TCP);
    let web = tuple(("198.51.100.9", 51_034), ("203.0.113.10", 443));
    let lookup = tuple(("192.0.2.7", 20_001), ("192.0.2.10", 53));
    let leaving = tuple(("10.9.0.2", 41_000), ("203.0.113.80", 443));
    let mut all = vec![
        event(0, Reason::TableFull, udp, Role::Inbound, lookup),
        Event {
            evicted: evicted(None, 0, Some(1_240), 28_700),
            other: other(tcp, Some(Role::Inbound), web),
            ..event(1, Reason::EarlyDrop, udp, Role::Inbound, lookup)
        },
        Event {
            evicted: evicted(Some("SYN_SENT"), status::SEEN_REPLY, None, 119_999),
            cpu: 0,
            zone: None,
            ..event(2, Reason::EarlyDrop, tcp, Role::Forwarded, leaving)
        },
        Event {
            evicted: evicted(
                Some("TIME_WAIT"),
                status::SEEN_REPLY | status::ASSURED,
                Some(12_000),
                107_900,
            ),
            ..event(3, Reason::GcEviction, tcp, Role::Inbound, web)
        },
        Event {
            other: other(udp, Some(Role::Inbound), lookup),
            packet: Some(datagram()),
            ..event(4, Reason::Clash, udp, Role::Inbound, lookup)
        },
        event(5, Reason::ChainTooLong, tcp, Role::Inbound, web),
        Event {
            other: other(
                tcp,
                None,
                tuple(("10.9.0.3", 41_000), ("203.0.113.80", 443)),
            ),
            packet: Some(syn()),
            ..event(6, Reason::NatExhausted, tcp, Role::Forwarded, leaving)
        },
        event(
            7,
            Reason::Dying,
            Protocol::ICMP,
            Role::Inbound,
            tuple(("198.51.100.9", 77), ("203.0.113.10", 0x0800)),
        ),
        Event {
            packet: Some(segment()),
            ..event(
                8,
                Reason::Invalid,
                tcp,
                Role::Inbound,
                tuple(("2001:db8::7", 41_000), ("2001:db8::10", 443)),
            )
        },
    ];
    for place in [2, 6] {
        all[place].endpoint.netns = BLUE;
    }
    all.into_iter().map(explain).collect()
}

fn explain(event: Event) -> Explained {
    let name = (event.endpoint.netns == BLUE).then(|| "blue".to_owned());
    let fill = Fill {
        count: 63_120,
        max: 65_536,
    };
    Explained::new(event, name, Some(fill))
}
