//! What the left side of a match looks at.

use serde_json::Value;

use super::word;
use crate::model::{
    endpoint::{Family, Protocol},
    ruleset::{Condition, Match},
};

/// Something that values are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    InInterface,
    OutInterface,
    Source,
    Destination,
    Family,
    Protocol,
    SourcePort,
    DestinationPort,
    State,
    Direction,
    /// Of ICMPv6, or else of ICMP.
    IcmpType(bool),
    IcmpCode,
    SourceType,
    DestinationType,
    /// The bits of the packet's mark that are looked at.
    Mark(u32),
    /// SYN, ACK, RST and FIN.
    Flags,
    /// Of the packet's entry.
    Entry,
    /// Of the packet's ends or way, and so of its whole flow.
    Flow,
    /// Of the one packet.
    Packet,
    Unknown,
}

/// Fields of a left side in order (several for a concatenation), and what must hold for there to be such fields.
pub(super) fn read(left: &Value) -> (Vec<Field>, Vec<Match>) {
    let parts = match left.get("concat").and_then(Value::as_array) {
        Some(parts) => parts.as_slice(),
        None => std::slice::from_ref(left),
    };
    let mut needed = Vec::new();
    let mut fields = Vec::new();
    for part in parts {
        let (field, conditions) = one(part);
        fields.push(field);
        for condition in conditions {
            let matched = Match::from(condition);
            if !needed.contains(&matched) {
                needed.push(matched);
            }
        }
    }
    (fields, needed)
}

fn one(part: &Value) -> (Field, Vec<Condition>) {
    if let Some(payload) = part.get("payload") {
        return match (word(payload, "protocol"), word(payload, "field")) {
            (Some(protocol), Some(field)) => of_payload(protocol, field),
            _ => (Field::Packet, Vec::new()),
        };
    }
    if let Some(masked) = part.get("&").and_then(Value::as_array) {
        return of_masked(masked);
    }
    let key = |name: &str| part.get(name).and_then(|inner| word(inner, "key"));
    let field = if let Some(key) = key("meta") {
        of_meta(key)
    } else if let Some(ct) = part.get("ct") {
        match word(ct, "key") {
            Some("state") => Field::State,
            Some("direction") => Field::Direction,
            _ => Field::Entry,
        }
    } else if let Some(fib) = part.get("fib") {
        of_fib(fib)
    } else if part.get("rt").is_some() || part.get("ipsec").is_some() {
        Field::Flow
    } else if ["exthdr", "ip option", "tcp option"]
        .iter()
        .any(|name| part.get(name).is_some())
    {
        Field::Packet
    } else {
        Field::Unknown
    };
    (field, Vec::new())
}

fn of_payload(protocol: &str, field: &str) -> (Field, Vec<Condition>) {
    let needed = match protocol {
        "ip" => Some(Condition::Family(Family::Ipv4)),
        "ip6" => Some(Condition::Family(Family::Ipv6)),
        "icmp" => Some(Condition::Protocol(Protocol::ICMP)),
        "icmpv6" => Some(Condition::Protocol(Protocol::ICMPV6)),
        name => Protocol::from_name(name).map(Condition::Protocol),
    };
    let field = match (protocol, field) {
        ("ip" | "ip6", "saddr") => Field::Source,
        ("ip" | "ip6", "daddr") => Field::Destination,
        ("ip", "protocol") | ("ip6", "nexthdr") => Field::Protocol,
        ("icmp" | "icmpv6", "type") => Field::IcmpType(protocol == "icmpv6"),
        ("icmp" | "icmpv6", "code") => Field::IcmpCode,
        // Flags that are no handshake's are those of the one packet.
        ("ether" | "vlan", _) => Field::Flow,
        (_, "sport") => Field::SourcePort,
        (_, "dport") => Field::DestinationPort,
        _ => Field::Packet,
    };
    (field, needed.into_iter().collect())
}

fn of_meta(key: &str) -> Field {
    match key {
        "iif" | "iifname" => Field::InInterface,
        "oif" | "oifname" => Field::OutInterface,
        "nfproto" => Field::Family,
        "l4proto" => Field::Protocol,
        "mark" => Field::Mark(u32::MAX),
        "length" => Field::Packet,
        "iiftype" | "oiftype" | "skuid" | "skgid" | "rtclassid" | "pkttype" | "iifgroup"
        | "oifgroup" | "cgroup" | "iifkind" | "oifkind" | "sdif" | "sdifname" | "ipsec"
        | "secpath" | "protocol" => Field::Flow,
        _ => Field::Unknown,
    }
}

fn of_fib(fib: &Value) -> Field {
    let flags = fib.get("flags").and_then(Value::as_array);
    let flags: Vec<&str> = flags
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match (word(fib, "result"), flags.as_slice()) {
        (Some("type"), ["saddr"]) => Field::SourceType,
        (Some("type"), ["daddr"]) => Field::DestinationType,
        _ => Field::Flow,
    }
}

/// `meta mark & 0x4000`, `tcp flags & (fin | syn | rst | ack)`
fn of_masked(parts: &[Value]) -> (Field, Vec<Condition>) {
    let [left, mask] = parts else {
        return (Field::Unknown, Vec::new());
    };
    let (field, needed) = one(left);
    let is_flags = left
        .get("payload")
        .and_then(|payload| word(payload, "field"))
        == Some("flags");
    let field = match field {
        Field::Mark(_) => mask
            .as_u64()
            .and_then(|mask| u32::try_from(mask).ok())
            .map_or(Field::Unknown, Field::Mark),
        Field::Packet if is_flags && is_handshake(mask) => Field::Flags,
        Field::Entry | Field::Flow | Field::Packet => field,
        _ => Field::Unknown,
    };
    (field, needed)
}

fn is_handshake(mask: &Value) -> bool {
    let list = mask.get("|").unwrap_or(mask).as_array();
    let mut flags: Vec<&str> = list
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    flags.sort_unstable();
    flags == ["ack", "fin", "rst", "syn"]
}
