//! Rules in nft's own words, as far as there are words for them; the rest as JSON.

use serde_json::Value;

use super::{kind_of, sets, word};

/// Elements of a set that are quoted; the rest is `…`.
const ELEMENTS: usize = 6;

/// A rule without its handle.
pub(super) fn rule(statements: &[Value]) -> String {
    let words: Vec<String> = statements
        .iter()
        .filter_map(kind_of)
        .map(|(name, content)| statement(name, content))
        .collect();
    words.join(" ")
}

pub(super) fn statement(name: &str, content: &Value) -> String {
    let of = |key: &str| content.get(key).map(expression).unwrap_or_default();
    match name {
        "match" => comparison(content),
        "vmap" => format!("{} vmap {}", of("key"), of("data")),
        "jump" | "goto" => format!("{name} {}", word(content, "target").unwrap_or("-")),
        "mangle" => format!("{} set {}", of("key"), of("value")),
        "dnat" | "snat" | "redirect" | "masquerade" | "tproxy" => translation(name, content),
        "ct helper" | "ct timeout" | "ct expectation" => {
            format!("{name} set {}", expression(content))
        }
        "ct count" => {
            let over = if content.get("inv") == Some(&Value::Bool(true)) {
                "over "
            } else {
                ""
            };
            format!("ct count {over}{}", of("val"))
        }
        "flow" => format!("flow add {}", of("flowtable")),
        "limit" => format!("limit rate {}/{}", of("rate"), of("per")),
        "set" => {
            let per_element = content.get("stmt").and_then(Value::as_array);
            let words = per_element.map(|statements| rule(statements));
            let words = words.map(|words| format!(" {words}")).unwrap_or_default();
            format!("{} {} {{ {}{words} }}", of("op"), of("set"), of("elem"))
        }
        "log" => match word(content, "prefix") {
            Some(prefix) => format!("log prefix \"{prefix}\""),
            None => "log".to_owned(),
        },
        "reject" => match word(content, "type") {
            Some(kind) => format!("reject with {kind}"),
            None => "reject".to_owned(),
        },
        "counter" | "synproxy" => name.to_owned(),
        _ if content.is_null() => name.to_owned(),
        _ => format!("{name} {content}"),
    }
}

fn translation(name: &str, content: &Value) -> String {
    let part = |key: &str| content.get(key).map(expression);
    match (part("addr"), part("port")) {
        (None, None) => name.to_owned(),
        (Some(addr), None) => format!("{name} to {addr}"),
        (None, Some(port)) => format!("{name} to :{port}"),
        (Some(addr), Some(port)) if addr.contains(':') => format!("{name} to [{addr}]:{port}"),
        (Some(addr), Some(port)) => format!("{name} to {addr}:{port}"),
    }
}

/// `tcp dport != 22`
pub(super) fn comparison(content: &Value) -> String {
    let side = |key: &str| content.get(key).map(expression).unwrap_or_default();
    match word(content, "op") {
        Some("==" | "in") => format!("{} {}", side("left"), side("right")),
        Some("!") => format!("! {} {}", side("left"), side("right")),
        operator => format!(
            "{} {} {}",
            side("left"),
            operator.unwrap_or("?"),
            side("right")
        ),
    }
}

pub(super) fn expression(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "exists".to_owned(),
        Value::Bool(false) => "missing".to_owned(),
        Value::Array(list) => joined(list, ","),
        Value::Object(_) => object(value),
        Value::Null | Value::Number(_) => value.to_string(),
    }
}

fn object(value: &Value) -> String {
    let bare = sets::bare(value);
    let Some((name, content)) = kind_of(bare) else {
        return value.to_string();
    };
    let list = content.as_array().map(Vec::as_slice);
    match (name, list) {
        ("payload", _) => match (word(content, "protocol"), word(content, "field")) {
            (Some(protocol), Some(field)) => format!("{protocol} {field}"),
            _ => bare.to_string(),
        },
        ("meta", _) => format!("meta {}", word(content, "key").unwrap_or("-")),
        ("ct", _) => match word(content, "dir") {
            Some(direction) => format!("ct {direction} {}", word(content, "key").unwrap_or("-")),
            None => format!("ct {}", word(content, "key").unwrap_or("-")),
        },
        ("fib", _) => {
            let flags = content.get("flags").and_then(Value::as_array);
            let flags = flags.map(|flags| joined(flags, " . ")).unwrap_or_default();
            format!("fib {flags} {}", word(content, "result").unwrap_or("-"))
        }
        ("prefix", _) => {
            let part = |key: &str| content.get(key).map(expression).unwrap_or_default();
            format!("{}/{}", part("addr"), part("len"))
        }
        ("map", _) => {
            let part = |key: &str| content.get(key).map(expression).unwrap_or_default();
            format!("{} map {}", part("key"), part("data"))
        }
        ("range", Some(ends)) => joined(ends, "-"),
        ("concat", Some(parts)) => joined(parts, " . "),
        ("set", Some(elements)) => set(elements),
        ("&" | "|" | "^" | "<<" | ">>", Some(parts)) => joined(parts, &format!(" {name} ")),
        _ => bare.to_string(),
    }
}

fn set(elements: &[Value]) -> String {
    let mut words: Vec<String> = elements.iter().take(ELEMENTS).map(element).collect();
    if elements.len() > ELEMENTS {
        words.push("…".to_owned());
    }
    format!("{{ {} }}", words.join(", "))
}

/// An element of a set, or of a map with its data.
fn element(value: &Value) -> String {
    let Some([key, data]) = value.as_array().map(Vec::as_slice) else {
        return expression(value);
    };
    let data = match kind_of(data) {
        Some((name, content)) => statement(name, content),
        None => expression(data),
    };
    format!("{} : {data}", expression(key))
}

fn joined(values: &[Value], by: &str) -> String {
    let words: Vec<String> = values.iter().map(expression).collect();
    words.join(by)
}
