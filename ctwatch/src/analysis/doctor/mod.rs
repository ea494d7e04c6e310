//! What the facts of a node mean. A file a topic; each gives findings.

use crate::model::doctor::{Answer, Diagnosis, Facts};

mod conntrack;
mod engaged;
mod events;
mod files;
mod hooks;
mod ipvs;
mod neighbours;
mod privileges;
mod security;
mod setting;
mod source;
mod table;
mod tcp;
mod timeouts;
mod tracing;
mod version;

/// Judges a node.
#[must_use]
pub fn diagnose(facts: &Facts) -> Diagnosis {
    let topics = [
        table::findings,
        conntrack::findings,
        files::findings,
        timeouts::findings,
        tcp::findings,
        events::findings,
        neighbours::findings,
        ipvs::findings,
        source::findings,
        tracing::findings,
        security::findings,
        privileges::findings,
        hooks::findings,
    ];
    let findings: Vec<_> = topics.iter().flat_map(|topic| topic(facts)).collect();
    Diagnosis {
        hostname: facts.hostname.value().cloned(),
        kernel: facts.release.value().cloned(),
        attention: findings.iter().filter(|finding| finding.attention).count(),
        unknown: findings
            .iter()
            .filter(|finding| finding.answer == Answer::Unknown)
            .count(),
        findings,
        unread: facts.unread.clone(),
    }
}
