//! The report for people: what they must know in the first lines, then the lists.

use std::collections::BTreeSet;

use super::{
    super::paint::Paint,
    headline::headline,
    ledger::ledger,
    reuse::reuse,
    sections::{clients, namespaces, ports, states, time},
    victims::{sentences, victims},
};
use crate::analysis::{proof::NetnsBooks, report::Report};

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
    /// Who hurt whom.
    Victim,
}

/// The report in lines; with `only`, the headline and that list.
#[must_use]
pub fn text(report: &Report, only: Option<Section>, paint: Paint) -> String {
    let (busy, idle) = without_idle(report);
    let mut parts = vec![headline(&busy, paint)];
    match only {
        Some(Section::Port) => {
            parts.push(ports(&busy, paint));
            parts.push(reuse(&busy, paint));
        }
        Some(Section::Client) => parts.push(clients(&busy, paint)),
        Some(Section::State) => parts.push(states(&busy, paint)),
        Some(Section::Netns) => parts.push(namespaces(report, paint)),
        Some(Section::Time) => parts.push(time(&busy, paint)),
        Some(Section::Victim) => parts.push(victims(&busy, paint)),
        None => {
            parts.push(sentences(&busy, paint));
            if busy.namespaces.len() > 1 {
                parts.push(namespaces(&busy, paint));
            }
            parts.push(ports(&busy, paint));
            parts.push(reuse(&busy, paint));
            parts.push(states(&busy, paint));
            parts.push(clients(&busy, paint));
        }
    }
    // What was lost belongs to every figure above it.
    parts.push(ledger(&busy, paint, only.is_none()));
    parts.retain(|part| !part.is_empty());
    let text = parts.join("\n");
    if idle > 0 && only.is_none() {
        return format!(
            "{text}Network namespaces in which nothing was tracked: {idle} (--by netns)\n"
        );
    }
    text
}

/// The report less the namespaces in which nothing was ever tracked, and how many these are. The first one stays.
fn without_idle(report: &Report) -> (Report, usize) {
    let mut busy = report.clone();
    let is_idle = |books: &NetnsBooks| {
        let refused = books.refused.ctwatch.or(books.refused.kernel);
        books.inserted == 0 && refused.unwrap_or(0) == 0
    };
    let untouched: BTreeSet<u32> = report
        .ledger
        .namespaces
        .iter()
        .map(|reported| &reported.books)
        .filter(|books| is_idle(books))
        .map(|books| books.netns)
        .collect();
    let first = report.namespaces.first().map(|netns| netns.netns);
    let idle: BTreeSet<u32> = report
        .namespaces
        .iter()
        .filter(|netns| netns.peak == Some(0) && Some(netns.netns) != first)
        .map(|netns| netns.netns)
        .filter(|netns| untouched.contains(netns))
        .collect();
    busy.namespaces.retain(|netns| !idle.contains(&netns.netns));
    busy.ledger
        .namespaces
        .retain(|reported| !idle.contains(&reported.books.netns));
    (busy, idle.len())
}
