//! What a statement does, its matches apart.

use serde_json::Value;

use super::{value::number32, word};
use crate::model::ruleset::{Effect, Need, Target};

/// What a statement means to the packet.
pub(super) enum Meaning {
    /// It counts, or writes a line.
    Nothing,
    Effects(Vec<Effect>),
    /// The rule goes on or does not, by what came before.
    Limit,
    /// Likewise, by how many entries there are.
    Connlimit,
    /// Ends the nat chain with a translation.
    Translation(Target),
    Verdict(Target),
    Unknown,
}

pub(super) fn read(name: &str, content: &Value) -> Meaning {
    let needs = |need| Meaning::Effects(vec![Effect::Needs(need)]);
    match name {
        "accept" => Meaning::Verdict(Target::Accept),
        "drop" => Meaning::Verdict(Target::Drop),
        "reject" => Meaning::Verdict(Target::Reject),
        "return" => Meaning::Verdict(Target::Return),
        "continue" => Meaning::Verdict(Target::Continue),
        "jump" | "goto" => match word(content, "target") {
            Some(chain) if name == "jump" => Meaning::Verdict(Target::Jump(chain.to_owned())),
            Some(chain) => Meaning::Verdict(Target::Goto(chain.to_owned())),
            None => Meaning::Unknown,
        },
        "counter" | "log" | "ct timeout" | "last" | "comment" => Meaning::Nothing,
        "limit" | "quota" => Meaning::Limit,
        "ct count" => Meaning::Connlimit,
        "set" | "map" => match content.get("stmt") {
            None => Meaning::Nothing,
            Some(per_element) if counts_entries(per_element) => Meaning::Connlimit,
            Some(_) => Meaning::Limit,
        },
        "notrack" => Meaning::Effects(vec![Effect::Notrack]),
        "snat" | "dnat" | "redirect" => Meaning::Translation(Target::Nat),
        "masquerade" => Meaning::Translation(Target::Masquerade),
        "tproxy" => needs(Need::Tproxy),
        "synproxy" => needs(Need::Synproxy),
        "ct helper" | "ct expectation" => needs(Need::Helper),
        "flow" => needs(Need::Flowtable),
        "mangle" => mangle(content),
        _ => Meaning::Unknown,
    }
}

/// `add @set { ip saddr ct count over 20 }`
fn counts_entries(per_element: &Value) -> bool {
    let statements = per_element.as_array().into_iter().flatten();
    statements
        .into_iter()
        .any(|one| one.get("ct count").is_some())
}

fn mangle(content: &Value) -> Meaning {
    let (Some(key), Some(value)) = (content.get("key"), content.get("value")) else {
        return Meaning::Unknown;
    };
    let needs = |need| Meaning::Effects(vec![Effect::Needs(need)]);
    if let Some(ct) = key.get("ct") {
        return match word(ct, "key") {
            Some("mark") => needs(Need::Connmark),
            Some("zone") => needs(Need::Zone),
            Some("label") => needs(Need::Connlabel),
            Some("event") => Meaning::Nothing,
            _ => Meaning::Unknown,
        };
    }
    if let Some(meta) = key.get("meta") {
        return match word(meta, "key") {
            Some("mark") => Meaning::Effects(mark(value)),
            Some("priority" | "nftrace") => Meaning::Nothing,
            _ => Meaning::Unknown,
        };
    }
    let field = key
        .get("payload")
        .and_then(|payload| word(payload, "field"));
    match field {
        Some("dscp" | "ecn" | "ttl" | "hoplimit" | "flowlabel") => Meaning::Nothing,
        _ if key.get("tcp option").is_some() => Meaning::Nothing,
        _ => Meaning::Unknown,
    }
}

fn mark(value: &Value) -> Vec<Effect> {
    if asks_entry(value) {
        return vec![Effect::Needs(Need::Connmark), Effect::AnyMark];
    }
    vec![
        changed(value).map_or(Effect::AnyMark, |(clear, flip)| Effect::Mark {
            clear,
            flip,
        }),
    ]
}

/// Bits cleared and then turned over: `meta mark & 0xff | 0x100`.
fn changed(value: &Value) -> Option<(u32, u32)> {
    if let Some(number) = number32(value) {
        return Some((u32::MAX, number));
    }
    if value.get("meta").and_then(|meta| word(meta, "key")) == Some("mark") {
        return Some((0, 0));
    }
    let (operator, operands) = super::kind_of(value)?;
    let [left, right] = operands.as_array()?.as_slice() else {
        return None;
    };
    let ((clear, flip), number) = (changed(left)?, number32(right)?);
    Some(match operator {
        "&" => (clear | !number, flip & number),
        "|" => (clear | number, flip & !number | number),
        "^" => (clear, flip ^ number),
        _ => return None,
    })
}

fn asks_entry(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(asks_entry),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name == "ct" || asks_entry(value)),
        _ => false,
    }
}
