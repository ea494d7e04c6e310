//! What is judged together: the endpoints of one address and port.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    analysis::{lost::Lost, occupancy::Occupancy},
    model::{
        counters::Counters,
        endpoint::{Endpoint, Family, Netns, Protocol, Role},
        recording::Recording,
    },
};

/// A port, at one address where that is the node's own.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) netns: Netns,
    pub(super) family: Family,
    pub(super) protocol: Protocol,
    pub(super) role: Option<Role>,
    pub(super) port: u16,
    pub(super) address: Option<IpAddr>,
    /// More than one only where clients on the node use an inbound service as well.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) local_clients: bool,
}

/// What happened at a candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Entries at the end of the recording; `None` where nothing gives the level.
    pub entries: Option<u64>,
    /// Entries put into the table, per second; `None` for a recording without length.
    pub new_per_second: Option<f64>,
    /// Mean lifetime of an entry in seconds.
    pub mean_lifetime_seconds: Option<f64>,
    /// Entries by state in the last dump.
    pub states: BTreeMap<String, u64>,
    /// Distinct clients in the last dump; of several addresses the one with most.
    pub clients: Option<u64>,
    /// All events.
    pub total: Counters,
    /// Of them, what a full table cost.
    pub lost: Lost,
    /// Σ of the time each entry was in the table, in seconds.
    entry_seconds: Option<f64>,
}

/// All candidates. Connections of the node to a service of its own belong to the service if others use it too.
pub(super) fn candidates<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<Candidate> {
    let endpoints: BTreeSet<&Endpoint> = endpoints.collect();
    let mut candidates = Vec::new();
    for endpoint in &endpoints {
        let inbound = Endpoint {
            role: Some(Role::Inbound),
            ..**endpoint
        };
        let loopback = Endpoint {
            role: Some(Role::Loopback),
            ..**endpoint
        };
        let is_loopback = endpoint.role == Some(Role::Loopback);
        if is_loopback && endpoints.contains(&inbound) {
            continue;
        }
        let mut own = vec![**endpoint];
        let shared = endpoint.role == Some(Role::Inbound) && endpoints.contains(&loopback);
        own.extend(shared.then_some(loopback));
        candidates.push(Candidate {
            netns: endpoint.netns,
            family: endpoint.family,
            protocol: endpoint.protocol,
            role: endpoint.role,
            port: endpoint.port,
            address: endpoint.address,
            endpoints: own,
            local_clients: shared || is_loopback,
        });
    }
    candidates
}

impl Figures {
    /// Adds up the endpoints of a candidate.
    pub(super) fn of(
        candidate: &Candidate,
        recording: &Recording,
        occupancies: &BTreeMap<Endpoint, Occupancy>,
        window_seconds: f64,
    ) -> Self {
        let mut figures = Self {
            entry_seconds: Some(0.0),
            ..Self::default()
        };
        let last_dump = recording
            .dumps
            .iter()
            .rfind(|dump| dump.netns == candidate.netns);
        for endpoint in &candidate.endpoints {
            if let Some(occupancy) = occupancies.get(endpoint) {
                figures.total += occupancy.total;
                figures.entries = sum(figures.entries, occupancy.entries);
                figures.entry_seconds = figures
                    .entry_seconds
                    .zip(occupancy.entry_seconds)
                    .map(|(a, b)| a + b);
            }
            let seen = last_dump.and_then(|dump| dump.endpoints.get(endpoint));
            if last_dump.is_some() {
                let clients = seen.map_or(0, |seen| seen.clients);
                figures.clients = figures.clients.max(Some(clients));
            }
            for (state, entries) in seen.into_iter().flat_map(|seen| seen.states.iter()) {
                *figures.states.entry(state.to_owned()).or_default() += entries;
            }
        }
        figures.lost = Lost::counted(&figures.total, &recording.header.unobserved);
        figures.settle(window_seconds);
        figures
    }

    /// Takes in another address of the same port.
    pub(super) fn add(&mut self, other: &Self, window_seconds: f64) {
        self.entries = sum(self.entries, other.entries);
        self.entry_seconds = self
            .entry_seconds
            .zip(other.entry_seconds)
            .map(|(a, b)| a + b);
        self.clients = self.clients.max(other.clients);
        self.total += other.total;
        self.lost = self.lost.and(other.lost);
        for (state, entries) in &other.states {
            *self.states.entry(state.clone()).or_default() += entries;
        }
        self.settle(window_seconds);
    }

    fn settle(&mut self, window_seconds: f64) {
        let inserted = self.total.inserted;
        self.new_per_second = (window_seconds > 0.0).then(|| inserted as f64 / window_seconds);
        self.mean_lifetime_seconds =
            crate::analysis::occupancy::mean_lifetime(self.entry_seconds, inserted);
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}
