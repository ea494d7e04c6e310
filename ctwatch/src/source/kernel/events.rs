//! Events from the ring buffer, which is mapped: reading it takes no `bpf()` call.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use aya::maps::{MapData, RingBuf};
use ctwatch_common::{
    endpoint::AF_INET6,
    event::{AGE_UNKNOWN, Event as Raw, Packet as RawPacket, Wanted as RawWanted, kind, reason},
    layout::Tuple as RawTuple,
    limits::UNATTRIBUTED,
};

use crate::model::{
    classify::classify,
    endpoint::{Endpoint, Family, Netns, Protocol},
    entry::{State, Tuple},
    event::{Event, Evicted, Other, Packet, Reason, Wanted},
};

/// How long an event waits for its packet, which the kernel frees right after; the host of a virtual machine may put a long
/// pause in between.
pub const PACKET_PATIENCE: Duration = Duration::from_millis(200);

/// What is asked for, as the kernel side reads it; `hz` is its tick rate.
pub(super) fn wanted(wanted: &Wanted, hz: Option<u32>) -> RawWanted {
    RawWanted {
        burst: wanted.per_second.div_ceil(10),
        packets: u32::from(wanted.packets),
        netns_inode: wanted.netns.unwrap_or(0),
        port: wanted.port.map_or(0, u32::from),
        window_jiffies: (hz.unwrap_or(250) / 10).max(1),
        pad: 0,
    }
}

/// What the kernel side's times are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// Unix time less `CLOCK_MONOTONIC`, in nanoseconds, when watching began.
    pub(super) wall_ns: i64,
    /// Jiffies a second; `None` when it is not known.
    pub(super) hz: Option<u32>,
}

/// The ring's reader.
#[derive(Debug)]
pub(super) struct EventReader {
    ring: Ring,
    clocks: Clocks,
    by_inode: bool,
    /// Events that may still get their packet, in order of arrival; `None` when packets are not asked for.
    waiting: VecDeque<(Raw, Option<Packet>)>,
    /// Earlier events are passed over.
    since_ns: u64,
    packets: bool,
}

/// aya's own type has no `Debug`.
struct Ring(RingBuf<MapData>);

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ring")
    }
}

impl EventReader {
    pub(super) fn new(
        ring: RingBuf<MapData>,
        clocks: Clocks,
        by_inode: bool,
        packets: bool,
    ) -> Self {
        Self {
            ring: Ring(ring),
            clocks,
            by_inode,
            waiting: VecDeque::new(),
            since_ns: 0,
            packets,
        }
    }

    /// Events of earlier times are passed over. One that was counted just before that time may still come, for an event
    /// has its time after it was counted.
    pub(super) fn forget_before(&mut self, now_ns: u64) {
        self.since_ns = now_ns;
    }

    /// Events that came, in order of time; `endpoint_of` tells the endpoint of a slot.
    pub(super) fn read(
        &mut self,
        now_ns: u64,
        endpoint_of: impl Fn(usize) -> Option<Endpoint>,
    ) -> Vec<Event> {
        while let Some(record) = self.ring.0.next() {
            take(&record, &mut self.waiting);
        }
        self.waiting.retain(|(raw, _)| raw.time_ns >= self.since_ns);
        let patience = match self.packets {
            true => u64::try_from(PACKET_PATIENCE.as_nanos()).unwrap_or(u64::MAX),
            false => 0,
        };
        let mut events = Vec::new();
        let mut waiting = VecDeque::new();
        for (raw, packet) in self.waiting.drain(..) {
            if packet.is_none() && comes_with_packet(&raw) && raw.time_ns + patience > now_ns {
                waiting.push_back((raw, packet));
            } else {
                events.extend(translate(
                    &raw,
                    packet,
                    self.clocks,
                    self.by_inode,
                    &endpoint_of,
                ));
            }
        }
        self.waiting = waiting;
        events.sort_by_key(|event| event.at_ns);
        events
    }
}

/// One record: an event waits, a packet joins the event that it belongs to.
fn take(record: &[u8], waiting: &mut VecDeque<(Raw, Option<Packet>)>) {
    let number = record.get(..4).and_then(|word| word.try_into().ok());
    match number.map(u32::from_ne_bytes) {
        Some(kind::EVENT) => {
            let raw = record
                .get(..size_of::<Raw>())
                .map(bytemuck::pod_read_unaligned);
            waiting.extend(raw.map(|raw| (raw, None)));
        }
        Some(kind::PACKET) => {
            let raw = record
                .get(..size_of::<RawPacket>())
                .map(bytemuck::pod_read_unaligned);
            let Some(raw): Option<RawPacket> = raw else {
                return;
            };
            let own = waiting
                .iter_mut()
                .rev()
                .find(|(event, _)| event.time_ns == raw.time_ns && event.cpu == raw.cpu);
            if let Some((_, packet)) = own {
                *packet = Some(packet_of(&raw));
            }
        }
        _ => {}
    }
}

fn packet_of(raw: &RawPacket) -> Packet {
    let length = usize::try_from(raw.length).unwrap_or(usize::MAX);
    Packet {
        bytes: raw.bytes.get(..length).unwrap_or(&raw.bytes).to_vec(),
        whole_length: raw.whole_length,
    }
}

/// Whether the kernel side sends the packet of such an event.
fn comes_with_packet(raw: &Raw) -> bool {
    !is_eviction(raw)
}

fn is_eviction(raw: &Raw) -> bool {
    raw.reason == reason::EARLY_DROP || raw.reason == reason::GC_EVICTION
}

/// `None` for a reason that this program does not know, which its own kernel side does not send.
fn translate(
    raw: &Raw,
    packet: Option<Packet>,
    clocks: Clocks,
    by_inode: bool,
    endpoint_of: &impl Fn(usize) -> Option<Endpoint>,
) -> Option<Event> {
    let netns = Netns {
        cookie: if by_inode { 0 } else { raw.net_cookie },
        inode: raw.netns_inode,
    };
    let endpoint = |slot: u32, tuple: &RawTuple| {
        let known = match slot {
            UNATTRIBUTED => None,
            slot => endpoint_of(usize::try_from(slot).ok()?),
        };
        Some(known.unwrap_or_else(|| {
            let protocol = Protocol(tuple.protonum);
            classify(netns, family(tuple), protocol, &tuple_of(tuple), None)
        }))
    };
    Some(Event {
        at_ns: clocks.wall_ns.saturating_add_unsigned(raw.time_ns),
        reason: Reason::numbered(raw.reason)?,
        cpu: raw.cpu,
        endpoint: endpoint(raw.slot, &raw.tuple)?,
        zone: u16::try_from(raw.zone).ok(),
        original: tuple_of(&raw.tuple),
        evicted: is_eviction(raw).then(|| evicted(raw, clocks)),
        other: match raw.has_other {
            0 => None,
            _ => Some(Other {
                endpoint: endpoint(raw.other_slot, &raw.other)?,
                original: tuple_of(&raw.other),
            }),
        },
        packet,
    })
}

fn evicted(raw: &Raw, clocks: Clocks) -> Evicted {
    let ms = |jiffies: u32| {
        let hz = clocks.hz.filter(|hz| *hz > 0)?;
        Some(u64::from(jiffies) * 1000 / u64::from(hz))
    };
    let protocol = Protocol(raw.tuple.protonum);
    Evicted {
        state: (protocol == Protocol::TCP)
            .then(|| State::tcp(u8::try_from(raw.tcp_state).ok()?))
            .flatten(),
        status: raw.status,
        age_ms: match raw.age_jiffies {
            AGE_UNKNOWN => None,
            jiffies => ms(jiffies),
        },
        left_ms: ms(raw.left_jiffies).unwrap_or(0),
    }
}

fn family(tuple: &RawTuple) -> Family {
    match tuple.l3num == u16::from(AF_INET6) {
        true => Family::Ipv6,
        false => Family::Ipv4,
    }
}

fn tuple_of(tuple: &RawTuple) -> Tuple {
    let address = |words: [u32; 4]| {
        let octets: [u8; 16] = bytemuck::cast(words);
        let [a, b, c, d, ..] = octets;
        match family(tuple) {
            Family::Ipv4 => IpAddr::from([a, b, c, d]),
            Family::Ipv6 => IpAddr::from(octets),
        }
    };
    Tuple {
        source: address(tuple.src_address),
        destination: address(tuple.dst_address),
        source_port: u16::from_be_bytes(tuple.src_port),
        destination_port: u16::from_be_bytes(tuple.dst_port),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn event(time_ns: u64, cpu: u32, reason: u32) -> Raw {
        let tuple = RawTuple {
            src_address: [u32::from_ne_bytes([10, 0, 0, 2]), 0, 0, 0],
            src_port: 4_711_u16.to_be_bytes(),
            l3num: 2,
            dst_address: [u32::from_ne_bytes([10, 0, 0, 1]), 0, 0, 0],
            dst_port: 443_u16.to_be_bytes(),
            protonum: 6,
            dir: 0,
        };
        Raw {
            kind: kind::EVENT,
            reason,
            time_ns,
            net_cookie: 7,
            netns_inode: 8,
            cpu,
            tuple,
            status: 2,
            left_jiffies: 250,
            age_jiffies: AGE_UNKNOWN,
            tcp_state: 7,
            ..Raw::default()
        }
    }

    const CLOCKS: Clocks = Clocks {
        wall_ns: 1_000,
        hz: Some(250),
    };

    #[test]
    fn a_packet_joins_its_event_and_no_other() {
        let mut waiting = VecDeque::new();
        for (time, cpu) in [(5, 0), (5, 1), (6, 0)] {
            take(
                bytemuck::bytes_of(&event(time, cpu, reason::TABLE_FULL)),
                &mut waiting,
            );
        }
        let packet = RawPacket {
            kind: kind::PACKET,
            cpu: 1,
            time_ns: 5,
            length: 3,
            whole_length: 60,
            bytes: [9; 128],
        };
        take(bytemuck::bytes_of(&packet), &mut waiting);
        take(b"", &mut waiting);
        take(&[1, 0, 0, 0], &mut waiting);
        let packets: Vec<_> = waiting.iter().map(|(_, packet)| packet.clone()).collect();
        let expected = Packet {
            bytes: vec![9; 3],
            whole_length: 60,
        };
        assert_eq!(packets, [None, Some(expected), None]);
    }

    #[test]
    fn what_was_not_told_is_left_out() {
        let none = |_| None;
        let refused = event(4, 0, reason::TABLE_FULL);
        let refused = translate(&refused, None, CLOCKS, false, &none).unwrap();
        assert_eq!((refused.at_ns, refused.endpoint.port), (1_004, 443));
        assert_eq!(
            (refused.evicted, refused.other, refused.zone),
            (None, None, Some(0))
        );
        assert_eq!(refused.endpoint.role, None);
        let evicted = event(4, 0, reason::EARLY_DROP);
        let evicted = translate(&evicted, None, CLOCKS, false, &none).unwrap();
        let entry = evicted.evicted.unwrap();
        assert_eq!((entry.age_ms, entry.left_ms), (None, 1_000));
        assert_eq!(entry.state.map(State::name), Some("TIME_WAIT"));
        let unknown = event(4, 0, 99);
        assert!(translate(&unknown, None, CLOCKS, false, &none).is_none());
    }
}
