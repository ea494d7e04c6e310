//! What was counted, of the busiest endpoints alone: the others need no memory then.

use super::{
    Aggregator,
    sums::{Sums, Totals},
};
use crate::model::{
    bounded::Bounded,
    dump::{ClientDump, EndpointDump},
    endpoint::Endpoint,
    left::Lefts,
    translated::Translated,
};

/// A table by its busiest endpoints.
#[derive(Clone, Debug)]
pub struct Busiest {
    /// Entries of the whole table.
    pub entries: u64,
    /// Of them, those that never saw a reply.
    pub unreplied: u64,
    /// Endpoints with the most entries, most first, then in their own order; without findings.
    pub endpoints: Vec<(Endpoint, EndpointDump)>,
    /// Endpoints in all.
    pub distinct_endpoints: u64,
    /// Clients with the most entries, at most [`super::Dump::MAX_CLIENTS`].
    pub clients: Vec<ClientDump>,
    /// Distinct clients.
    pub distinct_clients: u64,
    /// How much time entries have left.
    pub left: Lefts,
    /// Where translated destinations lead.
    pub translated: Bounded<Translated>,
}

impl Aggregator {
    /// The sums of so many endpoints, and of the whole.
    #[must_use]
    pub fn busiest(self, rows: usize) -> Busiest {
        let names = self.numbers.into_endpoints();
        let mut sums = Sums::new(names.len());
        sums.add(self.ipv4);
        sums.add(self.ipv6);
        let clients = sums.top_clients();
        let unreplied = sums.endpoints.iter().map(Totals::unreplied).sum();
        let distinct_endpoints = names.len() as u64;
        let all = names.into_iter().zip(&sums.endpoints);
        let mut all: Vec<(u64, Endpoint, &Totals)> = all
            .map(|(endpoint, totals)| (totals.entries(), endpoint, totals))
            .collect();
        let most_first = |a: &(u64, Endpoint, _), b: &(u64, Endpoint, _)| {
            b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1))
        };
        if rows < all.len() {
            all.select_nth_unstable_by(rows, most_first);
            all.truncate(rows);
        }
        all.sort_unstable_by(most_first);
        Busiest {
            entries: sums.entries,
            unreplied,
            endpoints: all
                .into_iter()
                .map(|(_, endpoint, totals)| (endpoint, totals.clone().into_dump()))
                .collect(),
            distinct_endpoints,
            clients,
            distinct_clients: sums.distinct_clients,
            left: self.left,
            translated: self.translated,
        }
    }
}
