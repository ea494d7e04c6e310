//! The report for people: what they must know in the first lines, then the lists.

use super::{
    super::paint::Paint,
    headline::headline,
    ledger::ledger,
    sections::{clients, namespaces, ports, states, time},
};
use crate::analysis::report::Report;

/// A list to show alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Ports.
    Port,
    /// Clients.
    Client,
    /// States.
    State,
    /// Namespaces.
    Netns,
    /// The course of each namespace's table.
    Time,
}

/// The report in lines; with `only`, the headline and that list.
#[must_use]
pub fn text(report: &Report, only: Option<Section>, paint: Paint) -> String {
    let mut parts = vec![headline(report, paint)];
    match only {
        Some(Section::Port) => parts.push(ports(report, paint)),
        Some(Section::Client) => parts.push(clients(report, paint)),
        Some(Section::State) => parts.push(states(report, paint)),
        Some(Section::Netns) => parts.push(namespaces(report, paint)),
        Some(Section::Time) => parts.push(time(report, paint)),
        None => {
            if report.namespaces.len() > 1 {
                parts.push(namespaces(report, paint));
            }
            parts.push(ports(report, paint));
            parts.push(states(report, paint));
            parts.push(clients(report, paint));
        }
    }
    // What was lost belongs to every figure above it.
    parts.push(ledger(report, paint, only.is_none()));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}
