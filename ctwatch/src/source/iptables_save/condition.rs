//! Options of match modules that are understood.

use super::values;
use crate::model::{
    endpoint::Family,
    ruleset::{Condition, Match},
};

/// What an option with a value asks, or `None`.
pub(super) fn read(module: &str, option: &str, value: &str, family: Family) -> Option<Condition> {
    Some(match option {
        "-i" | "--in-interface" => Condition::InInterface(value.to_owned()),
        "-o" | "--out-interface" => Condition::OutInterface(value.to_owned()),
        "-s" | "--source" => Condition::Source(values::prefix(value, family)?),
        "-d" | "--destination" => Condition::Destination(values::prefix(value, family)?),
        "-p" | "--protocol" => Condition::Protocol(values::protocol(value)?),
        "--sport" | "--source-port" | "--sports" | "--source-ports" => {
            Condition::SourcePort(values::ports(value)?)
        }
        "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
            Condition::DestinationPort(values::ports(value)?)
        }
        "--ports" => Condition::EitherPort(values::ports(value)?),
        "--state" | "--ctstate" => Condition::State(values::states(value)?),
        "--ctdir" => Condition::Original {
            original: direction(value)?,
            without: false,
        },
        "--icmp-type" | "--icmpv6-type" => {
            let (kind, code) = values::icmp_type(value)?;
            Condition::IcmpType(kind, code)
        }
        "--src-type" => address_types(value, true)?,
        "--dst-type" => address_types(value, false)?,
        "--mark" if module == "mark" => {
            let (value, mask) = values::mark(value)?;
            Condition::Mark { value, mask }
        }
        "--src-range" => {
            let (first, last) = values::address_range(value, family)?;
            Condition::SourceRange(first, last)
        }
        "--dst-range" => {
            let (first, last) = values::address_range(value, family)?;
            Condition::DestinationRange(first, last)
        }
        _ => return None,
    })
}

fn direction(value: &str) -> Option<bool> {
    match value {
        "ORIGINAL" => Some(true),
        "REPLY" => Some(false),
        _ => None,
    }
}

/// A service's packets have one of the node's own addresses and a peer's, both unicast; types that only routes have
/// (BLACKHOLE, UNREACHABLE and the like) are not understood.
fn address_types(value: &str, is_source: bool) -> Option<Condition> {
    let mut any = Vec::new();
    for kind in value.split(',') {
        let condition = match (kind, is_source) {
            ("LOCAL", true) => Condition::SourceIsLocal,
            ("LOCAL", false) => Condition::DestinationIsLocal,
            ("UNICAST", true) => Condition::SourceIsUnicast,
            ("UNICAST", false) => Condition::DestinationIsUnicast,
            ("BROADCAST" | "MULTICAST" | "ANYCAST", _) => continue,
            _ => return None,
        };
        any.push(condition);
    }
    if any.len() == 1 {
        return any.pop();
    }
    Some(Condition::Any(
        any.into_iter()
            .map(|condition| vec![Match::from(condition)])
            .collect(),
    ))
}
