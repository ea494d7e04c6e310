//! A plan as a file that people read and edit, and what became of one.

use std::fmt::Write as _;

use crate::model::{
    notrack::{AcceptRule, Accepted},
    plan::{Plan, PlannedPort, VERSION},
};

mod applied;

pub use applied::{Applied, json as applied_json, said as said_json, text as applied_text};

const HEAD: &str = "\
# A plan of ctwatch: packets that shall go untracked on this node.
# Remove a [[port]], or an address of one, to leave it alone. Nothing is changed before
#     ctwatch apply THIS-FILE
# which takes all back by itself unless `ctwatch confirm` follows.
";
const RULESETS: &str = "\
# Digests of the rules that were judged. Where they changed since, apply judges again; remove the whole part to have it not look.
";

/// The file.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let mut text = format!("{HEAD}\nversion = {VERSION}\n");
    if let Some(made) = &plan.made {
        line(&mut text, "made", &string(made));
    }
    text.push_str("# nft: a table of its own. iptables: chains of its own, and a jump to each.\n");
    line(&mut text, "backend", &string(plan.backend.as_str()));
    if let Some(netns) = plan.netns {
        text.push_str("# The network namespace, as ls -lL /proc/self/ns/net has it.\n");
        line(&mut text, "netns", &netns.to_string());
    }
    for each in &plan.ports {
        port(&mut text, each);
    }
    if let Some(rulesets) = &plan.rulesets {
        let _ = write!(text, "\n{RULESETS}[rulesets]\n");
        for (table, digest) in rulesets {
            line(&mut text, &string(table), &string(digest));
        }
    }
    text
}

fn port(text: &mut String, port: &PlannedPort) {
    text.push_str("\n[[port]]\n");
    if !port.note.is_empty() {
        line(text, "note", &string(&port.note));
    }
    line(text, "protocol", &string(&port.protocol.to_string()));
    line(text, "port", &port.port.to_string());
    line(
        text,
        "addresses",
        &list(port.addresses.iter().map(ToString::to_string)),
    );
    line(
        text,
        "directions",
        &list(port.directions.iter().map(|d| d.as_str().to_owned())),
    );
    for rule in &port.accepts {
        accept(text, rule);
    }
}

fn accept(text: &mut String, rule: &AcceptRule) {
    text.push_str("[[port.accept]]\n");
    line(text, "table", &string(&rule.table));
    line(text, "chain", &string(&rule.chain));
    if let Some(number) = rule.before {
        line(text, "before", &number.to_string());
    }
    let packets = match &rule.packets {
        Accepted::Untracked(rule) => rule.direction.as_str(),
        Accepted::TooBig(_) => "too-big",
    };
    line(text, "packets", &string(packets));
    line(
        text,
        "address",
        &string(&rule.packets.address().to_string()),
    );
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.map(|value| string(&value)).collect();
    format!("[{}]", values.join(", "))
}

/// A basic string of TOML.
fn string(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
