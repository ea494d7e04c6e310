//! An object an event, and one at the end.

use serde_json::{Map, Value, json};

use super::{super::record, time};
use crate::{
    analysis::drops::{Explained, Summary},
    model::{
        endpoint::{Endpoint, Protocol},
        entry::Tuple,
        event::{Evicted, Reason},
        status,
    },
};

/// An event. What was not told is null.
#[must_use]
pub fn line(explained: &Explained) -> Value {
    let event = &explained.event;
    let other = || {
        let other = event.other.as_ref();
        other.map(|other| connection(&other.endpoint, &other.original))
    };
    let evicts = matches!(event.reason, Reason::EarlyDrop | Reason::GcEviction);
    let mut object = json!({
        "schema_version": 1,
        "time": time(event.at_ns),
        "reason": event.reason,
        "netns": event.endpoint.netns.inode,
        "netns_name": explained.netns_name,
        "zone": event.zone,
        "cpu": event.cpu,
        "evicted": event.evicted.as_ref().map(evicted),
        "beneficiary": other().filter(|_| evicts),
        "collided_with": other().filter(|_| !evicts),
        "fill": explained.fill.map(|fill| json!({ "count": fill.count, "max": fill.max })),
        "packet": packet(explained),
    });
    if let Value::Object(object) = &mut object {
        object.extend(connection(&event.endpoint, &event.original));
    }
    object
}

/// A connection and how it passes the node.
fn connection(endpoint: &Endpoint, original: &Tuple) -> Map<String, Value> {
    let pairs = [
        ("role", json!(endpoint.role)),
        ("family", json!(endpoint.family)),
        ("protocol", json!(endpoint.protocol.to_string())),
        ("original", tuple(endpoint.protocol, original)),
    ];
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// In conntrack's words.
fn tuple(protocol: Protocol, tuple: &Tuple) -> Value {
    let (source, destination) = (tuple.source_port, tuple.destination_port);
    match protocol {
        Protocol::ICMP | Protocol::ICMPV6 => {
            let [kind, code] = destination.to_be_bytes();
            json!({ "src": tuple.source, "dst": tuple.destination, "type": kind, "code": code, "id": source })
        }
        Protocol::GRE => {
            json!({ "src": tuple.source, "dst": tuple.destination, "srckey": source, "dstkey": destination })
        }
        protocol if protocol.has_ports() => {
            json!({ "src": tuple.source, "dst": tuple.destination, "sport": source, "dport": destination })
        }
        _ => json!({ "src": tuple.source, "dst": tuple.destination }),
    }
}

fn evicted(was: &Evicted) -> Value {
    json!({
        "state": was.state.map(|state| state.name()),
        "assured": was.status & status::ASSURED != 0,
        "replied": was.status & status::SEEN_REPLY != 0,
        "age_seconds": was.age_ms.map(seconds),
        "left_seconds": seconds(was.left_ms),
    })
}

fn packet(explained: &Explained) -> Option<Value> {
    let packet = explained.event.packet.as_ref()?;
    let headers = explained.headers.as_ref();
    Some(json!({
        "length": packet.whole_length,
        "tcp_flags": headers.and_then(|headers| headers.tcp_flags.clone()),
        "payload": headers.and_then(|headers| headers.payload),
    }))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// The last object.
#[must_use]
pub fn summary(summary: &Summary) -> Value {
    let watched = &summary.watched;
    let row = |row: &crate::analysis::drops::Row| json!({ "reason": row.reason, "shown": row.shown, "counted": row.counted });
    let packets = summary.packets.as_ref().map(
        |packets| json!({ "file": packets.file, "written": packets.written, "without": packets.without }),
    );
    json!({
        "schema_version": 1,
        "summary": {
            "backend": watched.backend,
            "seconds": watched.elapsed.as_secs_f64(),
            "shown": summary.shown,
            "left_out": summary.left_out,
            "suppressed": summary.suppressed,
            "lost": summary.lost,
            "reasons": summary.rows.iter().map(row).collect::<Vec<_>>(),
            "packets": packets,
            "ledger": record::ledger(&watched.ledger),
            "degraded": watched.degraded,
        },
    })
}
