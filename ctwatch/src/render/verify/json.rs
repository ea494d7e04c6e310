//! For programs; docs/apply.md describes the document.

use serde_json::{Value, json};

use super::{text::sentence, word};
use crate::analysis::verify::{Compared, Packets, PortProof, Verification};

/// The document, with a line end.
///
/// # Errors
/// None that a value can cause; serde_json's signature has them.
pub fn json(verification: &Verification) -> serde_json::Result<String> {
    let document = json!({
        "schema_version": 1,
        "holds": verification.holds(),
        "seconds": verification.seconds,
        "ports": verification.ports.iter().map(port).collect::<Vec<_>>(),
        "resets": compared(&verification.resets),
        "filter_drops": compared(&verification.filter_drops),
    });
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn port(port: &PortProof) -> Value {
    let findings = port.findings.iter();
    let findings = findings
        .map(|finding| json!({ "code": finding.code(), "evidence": sentence(port, finding) }));
    json!({
        "protocol": port.protocol.to_string(),
        "port": port.port,
        "address": port.address,
        "outcome": word(port.outcome),
        "untracked_requests": packets(port.requests),
        "untracked_replies": packets(port.replies),
        "entries_before": port.entries_before,
        "entries_left": port.entries_left,
        "entries_new": port.entries_new,
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn packets(packets: Option<Packets>) -> Value {
    packets.map_or(
        Value::Null,
        |packets| json!({ "in_window": packets.now, "ever": packets.ever }),
    )
}

fn compared(compared: &Compared) -> Value {
    json!({ "count": compared.count, "expected": compared.expected, "rising": compared.rises() })
}
