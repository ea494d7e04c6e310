//! Ports by entries and by new connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::{NamespaceReport, Options, ToldEnded, last_dump, per_second};
use crate::{
    analysis::{
        lost::Lost,
        occupancy::{Occupancy, mean_lifetime, window_seconds},
    },
    model::{
        counters::Counters,
        endpoint::{Endpoint, Family, Netns, Role},
        lifetime::Lifetimes,
        recording::Recording,
        unobserved::{Figure, Unobserved},
    },
};

/// One port, of all the node's addresses it is served on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortReport {
    /// Namespace's inode number.
    pub netns: u32,
    /// Namespace's cookie.
    pub cookie: u64,
    /// Address family.
    pub family: Family,
    /// Protocol by name, or by number where it has none.
    pub protocol: String,
    /// Service port; 0 for protocols without ports.
    pub port: u16,
    /// The node's own addresses it is served on.
    pub addresses: Vec<IpAddr>,
    /// Role; `None` when it is not known.
    pub role: Option<Role>,
    /// Place by entries, from 1.
    pub rank_entries: usize,
    /// Place by new connections per second, from 1.
    pub rank_new: usize,
    /// Entries at the end.
    pub entries: Option<u64>,
    /// Part of the namespace's table at the end.
    pub share: Option<f64>,
    /// Entries put into the table.
    pub new_per_second: Option<f64>,
    /// Mean lifetime of an entry.
    pub mean_lifetime_seconds: Option<f64>,
    /// Lifetimes of entries that began and ended during the recording.
    pub lifetime_quantiles_seconds: Quantiles,
    /// Entries by state in the last dump.
    pub states: BTreeMap<String, u64>,
    /// Distinct clients in the last dump; of several addresses the one with most.
    pub clients: Option<u64>,
    /// Entries put into the table.
    pub inserted: u64,
    /// Entries that left it, by cause.
    pub ended: ToldEnded,
    /// Connections refused at a full table, and evicted.
    #[serde(flatten)]
    pub lost: Lost,
    /// Entries that could not be inserted.
    pub insert_failed: Option<u64>,
    /// Clashes that were merged.
    pub clash_merged: Option<u64>,
    /// Entries that a SYN reopened in TIME_WAIT or CLOSE; among `ended.reset`.
    pub reopened: Option<u64>,
    /// SYNs that met an entry in CLOSE_WAIT, FIN_WAIT or LAST_ACK and were ignored.
    pub syn_ignored: Option<u64>,
    /// Inserted with the source translated.
    pub snat: u64,
    /// Inserted with the destination translated.
    pub dnat: u64,
    /// Inserted with a helper.
    pub helper: u64,
    /// Ended without a reply.
    pub unreplied: Option<u64>,
}

impl PortReport {
    /// SYNs from client ports that still had an entry, as far as they were seen.
    #[must_use]
    pub fn reused(&self) -> u64 {
        self.reopened.unwrap_or(0) + self.syn_ignored.unwrap_or(0)
    }
}

/// The ports at which client ports were reused, most often first.
#[must_use]
pub fn reused(ports: &[PortReport]) -> Vec<&PortReport> {
    let mut reused: Vec<_> = ports.iter().filter(|port| port.reused() > 0).collect();
    reused.sort_by_key(|port| std::cmp::Reverse(port.reused()));
    reused
}

/// What a part of the entries lived at most, in seconds, up to twice too high; `None` where too few lifetimes were
/// sampled to tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of them.
    pub p50: Option<f64>,
    /// Nine in ten.
    pub p90: Option<f64>,
    /// 99 in a hundred.
    pub p99: Option<f64>,
}

impl Quantiles {
    fn of(lifetimes: &Lifetimes) -> Self {
        let at_most = |percent| {
            let milliseconds = lifetimes.at_most_ms(percent);
            milliseconds.map(|ms| ms as f64 / 1_000.0)
        };
        Self {
            p50: at_most(50),
            p90: at_most(90),
            p99: at_most(99),
        }
    }
}

/// What makes a port one port.
type Key = (
    Netns,
    Family,
    crate::model::endpoint::Protocol,
    Option<Role>,
    u16,
);

#[derive(Default)]
struct Group {
    total: Counters,
    addresses: BTreeSet<IpAddr>,
    entries: Option<u64>,
    entry_seconds: Option<f64>,
    states: BTreeMap<String, u64>,
    clients: Option<u64>,
    lifetimes: Lifetimes,
}

/// All ports of the namespaces asked for, most entries first.
pub(super) fn ports(
    recording: &Recording,
    options: &Options,
    occupancies: &BTreeMap<Endpoint, Occupancy>,
    namespaces: &[NamespaceReport],
) -> Vec<PortReport> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for (endpoint, occupancy) in occupancies
        .iter()
        .filter(|(e, _)| options.wants_netns(e.netns))
    {
        let key = (
            endpoint.netns,
            endpoint.family,
            endpoint.protocol,
            endpoint.role,
            endpoint.port,
        );
        groups
            .entry(key)
            .or_default()
            .add(recording, endpoint, occupancy);
    }
    let window = window_seconds(recording);
    let mut ports: Vec<PortReport> = groups
        .into_iter()
        .map(|(key, group)| group.report(key, window, namespaces, &recording.header.unobserved))
        .collect();
    rank(&mut ports);
    ports
}

/// The port with most entries in `namespace`; `ports` are in that order.
pub(super) fn fullest(ports: &[PortReport], namespace: &NamespaceReport) -> Option<PortReport> {
    let mut here = ports
        .iter()
        .filter(|port| (port.cookie, port.netns) == (namespace.cookie, namespace.netns));
    here.next().cloned()
}

/// The port asked for, or the first [`Options::top`] by entries, by new connections, by connections lost and by client
/// ports that were reused, in order of entries.
pub(super) fn shown(mut ports: Vec<PortReport>, options: &Options) -> Vec<PortReport> {
    let top = options.top;
    if let Some(wanted) = options.port {
        ports.retain(|port| port.port == wanted);
        return ports;
    }
    let paid = least(&ports, top, |port| port.lost.total());
    let reused = least(&ports, top, PortReport::reused);
    ports.retain(|port| {
        let paid = paid.is_some_and(|least| port.lost.total() >= least);
        let reused = reused.is_some_and(|least| port.reused() >= least);
        top > 0 && (port.rank_entries <= top || port.rank_new <= top || paid || reused)
    });
    ports
}

/// The least figure of the first `top` ports by it; `None` where it is 0 everywhere.
fn least(ports: &[PortReport], top: usize, figure: impl Fn(&PortReport) -> u64) -> Option<u64> {
    let mut figures: Vec<u64> = ports.iter().map(figure).filter(|n| *n > 0).collect();
    figures.sort_unstable_by(|a, b| b.cmp(a));
    figures
        .get(top.saturating_sub(1))
        .or(figures.last())
        .copied()
}

/// Gives places and leaves the ports in order of entries; where these are unknown or equal, of new connections.
fn rank(ports: &mut [PortReport]) {
    ports.sort_by_key(|port| std::cmp::Reverse(port.inserted));
    for (place, port) in (1..).zip(ports.iter_mut()) {
        port.rank_new = place;
    }
    ports.sort_by_key(|port| std::cmp::Reverse(port.entries));
    for (place, port) in (1..).zip(ports) {
        port.rank_entries = place;
    }
}

impl Group {
    fn add(&mut self, recording: &Recording, endpoint: &Endpoint, occupancy: &Occupancy) {
        let first = self.total.is_zero() && self.entries.is_none() && self.addresses.is_empty();
        self.total += occupancy.total;
        self.addresses.extend(endpoint.address);
        self.entries = sum_known(self.entries, occupancy.entries);
        self.entry_seconds = match (self.entry_seconds, occupancy.entry_seconds) {
            (Some(a), Some(b)) => Some(a + b),
            (None, b) if first => b,
            // A sum of which a part is unknown is unknown.
            _ => None,
        };
        if let Some(lifetimes) = recording.lifetimes.get(endpoint) {
            self.lifetimes += lifetimes;
        }
        let dump = last_dump(recording, endpoint.netns);
        if let Some(dump) = dump {
            let seen = dump.endpoints.get(endpoint);
            self.clients = self.clients.max(Some(seen.map_or(0, |seen| seen.clients)));
            for (state, entries) in seen.into_iter().flat_map(|seen| seen.states.iter()) {
                *self.states.entry(state.to_owned()).or_default() += entries;
            }
        }
    }

    fn report(
        self,
        key: Key,
        window: f64,
        namespaces: &[NamespaceReport],
        unobserved: &Unobserved,
    ) -> PortReport {
        let (netns, family, protocol, role, port) = key;
        let table = namespaces
            .iter()
            .find(|n| n.cookie == netns.cookie && n.netns == netns.inode);
        let count = table.and_then(|n| n.count).filter(|count| *count > 0);
        let total = self.total;
        PortReport {
            netns: netns.inode,
            cookie: netns.cookie,
            family,
            protocol: protocol.to_string(),
            port,
            addresses: self.addresses.into_iter().collect(),
            role,
            rank_entries: 0,
            rank_new: 0,
            entries: self.entries,
            share: self
                .entries
                .zip(count)
                .map(|(entries, count)| (entries as f64 / count as f64).min(1.0)),
            new_per_second: per_second(total.inserted, window),
            mean_lifetime_seconds: mean_lifetime(self.entry_seconds, total.inserted)
                .map(super::rounded),
            lifetime_quantiles_seconds: Quantiles::of(&self.lifetimes),
            states: self.states,
            clients: self.clients,
            inserted: total.inserted,
            ended: ToldEnded::of(&total.ended, unobserved),
            lost: Lost::counted(&total, unobserved),
            insert_failed: unobserved.told(Figure::InsertFailed, total.insert_failed),
            clash_merged: unobserved.told(Figure::ClashMerged, total.clash_merged),
            reopened: unobserved.told(Figure::Reopened, total.reopened),
            syn_ignored: unobserved.told(Figure::SynIgnored, total.syn_ignored),
            snat: total.snat,
            dnat: total.dnat,
            helper: total.helper,
            unreplied: unobserved.told(Figure::Unreplied, total.unreplied),
        }
    }
}

fn sum_known(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}
