//! What would free a table, or give it room, and what each costs. A file a topic; docs/remedies.md tells how each is
//! priced.

use std::cmp::Reverse;

use crate::model::{
    ipvs::IpvsTable,
    recording::Recording,
    remedy::{Known, Remedy},
};

use super::report::NamespaceReport;

mod capacity;
mod churn;
pub(super) mod flood;
mod ground;
mod health;
mod idle;
mod ipvs;
mod notrack;
mod passes;
mod place;
mod population;
mod room;
mod stateless;
#[cfg(test)]
mod tests;
mod timeouts;
mod vanished;

use ground::Ground;

pub use notrack::Notrack;
pub(super) use room::{Room, pressure};

/// A remedy below this part of the table is not worth the words.
const WORTHWHILE: f64 = 0.01;

/// What is known beside a recording.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// Programs, files, idle times.
    pub known: &'a Known,
    /// Ports whose tracking can be given up.
    pub notrack: &'a [Notrack],
    /// IPVS's services, where they were read.
    pub ipvs: Option<&'a IpvsTable>,
}

/// All remedies for one table, those that free most first: then what gives room, then what could not be priced.
#[must_use]
pub fn remedies(
    recording: &Recording,
    table: &NamespaceReport,
    beside: &Beside<'_>,
) -> Vec<Remedy> {
    let ground = Ground::new(recording, table, beside);
    let topics = [
        timeouts::remedies,
        stateless::remedies,
        capacity::remedies,
        flood::remedies,
        vanished::remedies,
        churn::remedies,
        passes::remedies,
        health::remedies,
        ipvs::remedies,
    ];
    let mut remedies: Vec<Remedy> = beside
        .notrack
        .iter()
        .map(|port| port.remedy(&ground))
        .collect();
    remedies.extend(topics.iter().flat_map(|topic| topic(&ground)));
    // Stable: equals stay in the order of topics.
    remedies.sort_by_key(|remedy| Reverse(remedy.frees_entries));
    remedies
}
