//! The right side of a match: values, ranges, prefixes, sets.

use std::net::IpAddr;

use serde_json::Value;

use super::{field::Field, names, sets};
use crate::model::{
    endpoint::{Family, Protocol},
    ruleset::{Condition, Match, Prefix, States},
};

/// The condition that a field has one of these values, each for all fields of a concatenation; `None` when one is
/// not understood.
pub(super) fn any(fields: &[Field], values: &[&Value]) -> Option<Condition> {
    let mut ways = Vec::with_capacity(values.len());
    for value in values {
        ways.push(all(fields, sets::bare(value))?);
    }
    if let [way] = ways.as_mut_slice()
        && let [matched] = way.as_mut_slice()
        && !matched.negated
    {
        return Some(matched.condition.clone());
    }
    Some(Condition::Any(ways))
}

fn all(fields: &[Field], value: &Value) -> Option<Vec<Match>> {
    let values = match (fields, value.get("concat").and_then(Value::as_array)) {
        ([_], None) => std::slice::from_ref(value),
        (_, Some(values)) => values.as_slice(),
        _ => return None,
    };
    if values.len() != fields.len() {
        return None;
    }
    let each = fields.iter().zip(values);
    each.map(|(field, value)| Some(Match::from(one(*field, value)?)))
        .collect()
}

fn one(field: Field, value: &Value) -> Option<Condition> {
    let text = value.as_str();
    if text == Some("*") {
        return None;
    }
    Some(match field {
        Field::InInterface => Condition::InInterface(interface(text?)?),
        Field::OutInterface => Condition::OutInterface(interface(text?)?),
        Field::Source => address(value, Condition::Source, Condition::SourceRange)?,
        Field::Destination => address(value, Condition::Destination, Condition::DestinationRange)?,
        Field::Family => Condition::Family(match text? {
            "ipv4" => Family::Ipv4,
            "ipv6" => Family::Ipv6,
            _ => return None,
        }),
        Field::Protocol => Condition::Protocol(protocol(value)?),
        Field::SourcePort => Condition::SourcePort(vec![ports(value)?]),
        Field::DestinationPort => Condition::DestinationPort(vec![ports(value)?]),
        Field::State => Condition::State(States::from_name(&text?.to_uppercase())?),
        Field::Direction => Condition::Original {
            original: match text? {
                "original" => true,
                "reply" => false,
                _ => return None,
            },
            without: false,
        },
        Field::IcmpType(six) => {
            let kind = number(value).or_else(|| names::icmp(text?, six));
            Condition::IcmpType(kind?, None)
        }
        Field::IcmpCode => Condition::IcmpCode(number(value).or_else(|| names::icmp_code(text?))?),
        Field::SourceType => match text? {
            "local" => Condition::SourceIsLocal,
            "unicast" => Condition::SourceIsUnicast,
            "broadcast" | "multicast" | "anycast" => Condition::Any(Vec::new()),
            _ => return None,
        },
        Field::DestinationType => match text? {
            "local" => Condition::DestinationIsLocal,
            "unicast" => Condition::DestinationIsUnicast,
            "broadcast" | "multicast" | "anycast" => Condition::Any(Vec::new()),
            _ => return None,
        },
        Field::Mark(mask) => Condition::Mark {
            value: number32(value)?,
            mask,
        },
        Field::Flags => (text? == "syn").then_some(Condition::Syn)?,
        Field::Entry | Field::Flow | Field::Packet | Field::Unknown => return None,
    })
}

/// `eth0`, `eth*`; a plus at the end would mean something else in iptables' form.
fn interface(name: &str) -> Option<String> {
    match name.strip_suffix('*') {
        Some(prefix) => Some(format!("{prefix}+")),
        None => (!name.ends_with('+')).then(|| name.to_owned()),
    }
}

fn address(
    value: &Value,
    prefix: impl Fn(Prefix) -> Condition,
    range: impl Fn(IpAddr, IpAddr) -> Condition,
) -> Option<Condition> {
    let parse = |value: &Value| value.as_str()?.parse::<IpAddr>().ok();
    if let Some(net) = value.get("prefix") {
        let length = u8::try_from(net.get("len")?.as_u64()?).ok()?;
        return Prefix::new(parse(net.get("addr")?)?, length).map(prefix);
    }
    if let Some([first, last]) = value
        .get("range")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        return Some(range(parse(first)?, parse(last)?));
    }
    let address = parse(value)?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    Prefix::new(address, length).map(prefix)
}

fn ports(value: &Value) -> Option<std::ops::RangeInclusive<u16>> {
    let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
    match value
        .get("range")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([first, last]) => Some(port(first)?..=port(last)?),
        Some(_) => None,
        None => port(value).map(|port| port..=port),
    }
}

fn protocol(value: &Value) -> Option<Protocol> {
    number(value)
        .map(Protocol)
        .or_else(|| match value.as_str()? {
            "ipv6-icmp" | "icmpv6" => Some(Protocol::ICMPV6),
            name => Protocol::from_name(name).or_else(|| names::protocol(name)),
        })
}

fn number(value: &Value) -> Option<u8> {
    u8::try_from(value.as_u64()?).ok()
}

pub(super) fn number32(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}
