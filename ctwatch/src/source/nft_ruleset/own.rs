//! ctwatch's own table, recognised object by object.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::model::{
    endpoint::{Family, Protocol},
    notrack::{Direction, NotrackRule, OWNER},
};

/// The rules it holds; `None` when there is anything in it that ctwatch does not put there.
pub(super) fn rules(objects: &[Value]) -> Option<Vec<NotrackRule>> {
    let mut elements = Vec::new();
    let mut asked = Vec::new();
    for object in objects {
        let (kind, content) = object.as_object()?.iter().next()?;
        if !is_of_table(content) {
            continue;
        }
        let name = if kind == "rule" { "chain" } else { "name" };
        let (direction, family) = named(content.get(name)?.as_str()?)?;
        match kind.as_str() {
            "set" => elements.extend(set(direction, content)?),
            "chain" => chain(direction, content)?,
            "rule" => {
                rule(direction, family, content)?;
                asked.push((direction, family));
            }
            _ => return None,
        }
    }
    // A set that no rule asks does nothing.
    elements.retain(|rule: &NotrackRule| asked.contains(&(rule.direction, rule.family())));
    Some(elements)
}

/// Whether an object stands in the table of that name.
pub(super) fn is_of_table(content: &Value) -> bool {
    let word = |key| content.get(key).and_then(Value::as_str);
    word("family") == Some("inet") && word("table") == Some(OWNER)
}

fn named(name: &str) -> Option<(Direction, Family)> {
    let families = [Family::Ipv4, Family::Ipv6];
    let all = Direction::ALL
        .into_iter()
        .flat_map(|direction| families.map(|family| (direction, family)));
    all.into_iter()
        .find(|(direction, family)| direction.nft_name(*family) == name)
}

fn set(direction: Direction, content: &Value) -> Option<Vec<NotrackRule>> {
    let Some(elements) = content.get("elem") else {
        return Some(Vec::new());
    };
    elements
        .as_array()?
        .iter()
        .map(|element| one(direction, element))
        .collect()
}

/// `{"concat": ["203.0.113.10", "tcp", 443]}`, or that as `val` beside a counter.
fn one(direction: Direction, element: &Value) -> Option<NotrackRule> {
    let element = match element.get("elem") {
        Some(counted) => counted.get("val")?,
        None => element,
    };
    let [address, protocol, port] = element.get("concat")?.as_array()?.as_slice() else {
        return None;
    };
    Some(NotrackRule {
        direction,
        address: address.as_str()?.parse::<IpAddr>().ok()?,
        protocol: Protocol::from_name(protocol.as_str()?)?,
        port: u16::try_from(port.as_u64()?).ok()?,
    })
}

/// Sets of the table that ctwatch makes chains for, with their elements and the packets each has counted, whatever else
/// is in the table.
pub(super) fn sets(objects: &[Value]) -> Vec<OwnSet> {
    let sets = objects.iter().filter_map(|object| object.get("set"));
    let own = |set: &Value| {
        let name = set.get("name")?.as_str()?;
        let (direction, _) = named(name)?;
        let elements = set.get("elem").and_then(Value::as_array);
        let element = |element: &Value| {
            let packets = element
                .pointer("/elem/counter/packets")
                .and_then(Value::as_u64);
            Some((one(direction, element)?, packets))
        };
        Some(OwnSet {
            name: name.to_owned(),
            elements: elements.into_iter().flatten().filter_map(element).collect(),
        })
    };
    sets.filter_map(own).collect()
}

/// A set of ctwatch's own table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSet {
    /// Name, which its chain has, too.
    pub name: String,
    /// Its elements; `None` where packets are not counted.
    pub elements: Vec<(NotrackRule, Option<u64>)>,
}

fn chain(direction: Direction, content: &Value) -> Option<()> {
    let hook = direction.chain().to_lowercase();
    let wanted = [
        ("type", json!("filter")),
        ("hook", json!(hook)),
        ("prio", json!(-300)),
        ("policy", json!("accept")),
    ];
    wanted
        .iter()
        .all(|(key, value)| content.get(*key) == Some(value))
        .then_some(())
}

fn rule(direction: Direction, family: Family, content: &Value) -> Option<()> {
    let header = match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    let (address, port) = direction.nft_fields();
    let expected = json!([
        {"match": {
            "op": "==",
            "left": {"concat": [
                {"payload": {"protocol": header, "field": address}},
                {"meta": {"key": "l4proto"}},
                {"payload": {"protocol": "th", "field": port}},
            ]},
            "right": format!("@{}", direction.nft_name(family)),
        }},
        {"notrack": null},
    ]);
    (content.get("expr") == Some(&expected)).then_some(())
}
