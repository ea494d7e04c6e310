//! Who hurts whom: whose new connections evicted whose entries, and who held the table when somebody was refused.
//!
//! Evictions are counted by pair. A refusal has no such culprit: whoever is in the table has a part in its being full.
//! So each interval's refusals of a port are shared out among the ports that held the table in it, in proportion to
//! their entries, the victim's own share being its own doing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{
    Options,
    health::{HealthCheck, health_check},
};
use crate::{
    analysis::{lost::Lost, occupancy},
    model::{
        counters::Counters,
        endpoint::{Endpoint, Family, Netns, Protocol},
        recording::Recording,
        unobserved::Figure,
    },
};

/// A port that lost connections, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VictimReport {
    /// Namespace's inode number.
    pub netns: u32,
    /// Address family.
    pub family: Family,
    /// Protocol.
    pub protocol: String,
    /// Port.
    pub port: u16,
    /// The health check that is asked for at this port by default.
    pub health_check: Option<HealthCheck>,
    /// What it lost.
    #[serde(flatten)]
    pub lost: Lost,
    /// Of the evicted, those whose newcomer was not told; `None` where newcomers are not seen.
    pub evicted_by_unknown: Option<u64>,
    /// Who took it, the most first.
    pub by: Vec<Culprit>,
}

/// A port that others paid for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Culprit {
    /// Address family.
    pub family: Family,
    /// Protocol.
    pub protocol: String,
    /// Port.
    pub port: u16,
    /// Whether it is the victim.
    pub itself: bool,
    /// Entries of the victim that its new connections evicted, counted; `None` where newcomers are not seen.
    pub evicted: Option<u64>,
    /// Its share in the refusals of the victim, by its entries at the time; `None` where entries are not known, or
    /// refusals not seen.
    pub refused_shared: Option<u64>,
}

impl Culprit {
    /// All that is known.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.evicted.unwrap_or(0) + self.refused_shared.unwrap_or(0)
    }
}

/// A port of all addresses and roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Port {
    netns: Netns,
    family: Family,
    protocol: Protocol,
    port: u16,
}

impl From<&Endpoint> for Port {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            netns: endpoint.netns,
            family: endpoint.family,
            protocol: endpoint.protocol,
            port: endpoint.port,
        }
    }
}

/// What one victim lost to each port.
#[derive(Debug, Default)]
struct Account {
    evicted: HashMap<Port, u64>,
    evicted_by_unknown: u64,
    /// Shares in its refusals, by place in [`Levels`].
    shares: Vec<f64>,
    /// The same by port, in the end.
    refused: HashMap<Port, f64>,
}

/// The first [`Options::top`], who lost most first, and health checks whatever they lost; of the port asked for only.
pub(super) fn victims(recording: &Recording, options: &Options) -> Vec<VictimReport> {
    let mut totals: BTreeMap<Port, Counters> = BTreeMap::new();
    for (endpoint, counters) in recording.samples.iter().flat_map(|s| &s.deltas) {
        if options.wants(endpoint) {
            *totals.entry(endpoint.into()).or_default() += *counters;
        }
    }
    let unobserved = &recording.header.unobserved;
    let mut lost: Vec<(Port, Lost)> = totals
        .iter()
        .map(|(port, counters)| (*port, Lost::counted(counters, unobserved)))
        .filter(|(_, lost)| lost.total() > 0)
        .collect();
    lost.sort_by_key(|(_, lost)| std::cmp::Reverse(lost.total()));
    let mut place = 0;
    lost.retain(|(port, _)| {
        place += 1;
        place <= options.top || health_check(port.protocol, port.port).is_some()
    });
    let mut accounts: BTreeMap<Port, Account> = lost
        .iter()
        .map(|(port, _)| (*port, Account::default()))
        .collect();
    count_evictions(recording, &mut accounts);
    let levels = share_refusals(recording, &mut accounts);
    let row = |(port, lost): (Port, Lost)| {
        let account = accounts.remove(&port).unwrap_or_default();
        let levels_known = levels.contains(&port.netns);
        report(recording, options, port, lost, &account, levels_known)
    };
    lost.into_iter().map(row).collect()
}

fn count_evictions(recording: &Recording, accounts: &mut BTreeMap<Port, Account>) {
    for eviction in recording.samples.iter().flat_map(|s| &s.evictions) {
        let Some(account) = accounts.get_mut(&Port::from(&eviction.victim)) else {
            continue;
        };
        match &eviction.newcomer {
            Some(newcomer) => {
                *account.evicted.entry(newcomer.into()).or_default() += eviction.evicted;
            }
            None => account.evicted_by_unknown += eviction.evicted,
        }
    }
}

/// Entries of the ports of a namespace, before an interval and after it.
#[derive(Debug, Default)]
struct Levels {
    places: HashMap<Port, usize>,
    entries: Vec<(i64, i64)>,
}

impl Levels {
    fn of(&mut self, port: Port) -> &mut (i64, i64) {
        let place = *self.places.entry(port).or_insert(self.entries.len());
        if place == self.entries.len() {
            self.entries.push((0, 0));
        }
        &mut self.entries[place]
    }

    /// What each port's share counts by: what it had before the interval and after it.
    fn weights(&self) -> impl Iterator<Item = f64> {
        let weight = |(before, after): &(i64, i64)| (before.max(&0) + after.max(&0)) as f64;
        self.entries.iter().map(weight)
    }
}

/// Shares out each interval's refusals. Gives the namespaces in which entries are known.
fn share_refusals(
    recording: &Recording,
    accounts: &mut BTreeMap<Port, Account>,
) -> BTreeSet<Netns> {
    let mut levels = first_levels(recording);
    for sample in &recording.samples {
        let mut refused: BTreeMap<Port, u64> = BTreeMap::new();
        let ports = || sample.deltas.iter().map(|(e, c)| (Port::from(e), c));
        for (port, counters) in ports() {
            if let Some(levels) = levels.get_mut(&port.netns) {
                levels.of(port).1 += occupancy::net(counters);
            }
            if counters.refused > 0 && accounts.contains_key(&port) {
                *refused.entry(port).or_default() += counters.refused;
            }
        }
        for (victim, refused) in refused {
            let levels = levels.get(&victim.netns);
            if let Some((levels, account)) = levels.zip(accounts.get_mut(&victim)) {
                account.share(levels, refused);
            }
        }
        for (port, _) in ports() {
            if let Some(levels) = levels.get_mut(&port.netns) {
                let (before, after) = levels.of(port);
                *before = *after;
            }
        }
    }
    for (victim, account) in accounts {
        if let Some(levels) = levels.get(&victim.netns) {
            account.name(levels);
        }
    }
    levels.into_keys().collect()
}

/// What each port had when watching began, by namespace; none of a namespace without a dump.
fn first_levels(recording: &Recording) -> BTreeMap<Netns, Levels> {
    let initial = occupancy::initial(recording);
    let in_dumps = recording.dumps.iter().flat_map(|d| d.endpoints.keys());
    let in_samples = recording.samples.iter().flat_map(|s| &s.deltas);
    let endpoints: BTreeSet<Endpoint> = in_dumps
        .copied()
        .chain(in_samples.map(|(endpoint, _)| *endpoint))
        .collect();
    let mut all: BTreeMap<Netns, Levels> = BTreeMap::new();
    for endpoint in &endpoints {
        if let Some(entries) = initial.of(endpoint) {
            let levels = all.entry(endpoint.netns).or_default();
            let (before, after) = levels.of(endpoint.into());
            (*before, *after) = (*before + entries, *after + entries);
        }
    }
    all
}

impl Account {
    fn share(&mut self, levels: &Levels, refused: u64) {
        let all: f64 = levels.weights().sum();
        if all <= 0.0 {
            return;
        }
        self.shares.resize(levels.entries.len(), 0.0);
        let each = refused as f64 / all;
        for (share, weight) in self.shares.iter_mut().zip(levels.weights()) {
            *share += each * weight;
        }
    }

    /// Whose the shares are.
    fn name(&mut self, levels: &Levels) {
        for (port, place) in &levels.places {
            let share = self.shares.get(*place).copied().unwrap_or(0.0);
            if share > 0.0 {
                self.refused.insert(*port, share);
            }
        }
    }
}

/// The worst of it: what victims lost to others, most first.
#[must_use]
pub fn worst(victims: &[VictimReport]) -> Vec<(&VictimReport, &Culprit)> {
    let pairs = victims.iter().flat_map(|victim| {
        let others = victim.by.iter().filter(|culprit| !culprit.itself);
        others.map(move |culprit| (victim, culprit))
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(_, culprit)| std::cmp::Reverse(culprit.total()));
    pairs
}

fn report(
    recording: &Recording,
    options: &Options,
    port: Port,
    lost: Lost,
    account: &Account,
    levels_known: bool,
) -> VictimReport {
    let unobserved = &recording.header.unobserved;
    let newcomers = unobserved.is_observed(Figure::Newcomers);
    let shared = levels_known && lost.refused.is_some();
    let culprits: BTreeSet<Port> = account
        .evicted
        .keys()
        .chain(account.refused.keys())
        .copied()
        .collect();
    let row = |culprit: &Port| Culprit {
        family: culprit.family,
        protocol: culprit.protocol.to_string(),
        port: culprit.port,
        itself: *culprit == port,
        evicted: newcomers.then(|| account.evicted.get(culprit).copied().unwrap_or(0)),
        refused_shared: shared.then(|| {
            let share = account.refused.get(culprit).copied().unwrap_or(0.0);
            share.round() as u64
        }),
    };
    let mut by: Vec<Culprit> = culprits.iter().map(row).collect();
    by.retain(|culprit| culprit.total() > 0);
    by.sort_by_key(|culprit| std::cmp::Reverse(culprit.total()));
    by.truncate(options.top);
    VictimReport {
        netns: port.netns.inode,
        family: port.family,
        protocol: port.protocol.to_string(),
        port: port.port,
        health_check: health_check(port.protocol, port.port),
        lost,
        evicted_by_unknown: newcomers.then_some(account.evicted_by_unknown),
        by,
    }
}
