//! Which ports should not be tracked, how safe that is, and why. docs/advice.md tells what is looked at.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use crate::{
    analysis::{
        memory,
        occupancy::{self, Occupancy},
        remedies::{self, Beside, Notrack, Room},
        report::{NamespaceReport, Options, Report, Source, report},
    },
    model::{
        endpoint::{Endpoint, Family, Netns, Protocol, Role},
        notrack::{AcceptRule, NotrackRule},
        recording::Recording,
        remedy::{Known, Remedy, UntilFull},
        ruleset::ReadRuleset,
    },
};

mod again;
mod candidate;
mod compare;
mod drain;
mod filter;
mod ipvs;
mod judge;
mod mark;
mod nat;
mod observed;
mod packet;
mod raw;
mod service;
mod stations;
mod surroundings;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;
mod ways;

use candidate::candidates;
use judge::Whole;
use surroundings::Surroundings;

pub use again::{Again, Today, again};
pub use candidate::Figures;
pub use verdict::{Code, Reason, Verdict};

/// What is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What was recorded over some time.
    #[default]
    Recording,
    /// A node at one moment.
    Live,
    /// A table at one moment, from files.
    Files,
}

/// What is known beside the recording.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// What the recording is.
    pub kind: Kind,
    /// Rulesets, read.
    pub rulesets: Vec<ReadRuleset>,
    /// The node's own addresses, in place of those recorded.
    pub addresses: Option<Vec<IpAddr>>,
    /// What is not known of the entries and may speak against any verdict of safety: sentences.
    pub unread: Vec<String>,
    /// What remedies are priced with.
    pub known: Known,
}

/// Advice for one port at the addresses that share a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct PortAdvice {
    /// Namespace.
    pub netns: Netns,
    /// Family.
    pub family: Family,
    /// Protocol.
    pub protocol: Protocol,
    /// Service port; 0 for protocols without ports.
    pub port: u16,
    /// Role; `None` when addresses were not known.
    pub role: Option<Role>,
    /// Own addresses it is served at.
    pub addresses: Vec<IpAddr>,
    /// What happened there.
    pub figures: Figures,
    /// Part of the table, 0 to 1; `None` where either is unknown.
    pub share: Option<f64>,
    /// Verdict.
    pub verdict: Verdict,
    /// Reasons.
    pub reasons: Vec<Reason>,
    /// What was looked at, for people.
    pub looked_at: Vec<String>,
    /// Entries that rules would free.
    pub frees_entries: Option<u64>,
    /// Seconds until the last of them is gone by itself, at most.
    pub drain_seconds: Option<u64>,
    /// NOTRACK rules to add; none unless the verdict is safe or needs-accept.
    pub notrack: Vec<NotrackRule>,
    /// Accept rules that have to stand before; with needs-accept only.
    pub accepts: Vec<AcceptRule>,
}

/// All there is to advise.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What was judged.
    pub kind: Kind,
    /// The recording.
    pub source: Source,
    /// Tables, the fullest first.
    pub tables: Vec<NamespaceReport>,
    /// Index of the table that the forecast is about: the recorder's own namespace's, else the fullest.
    pub own: usize,
    /// Ports, those that would free most first.
    pub ports: Vec<PortAdvice>,
    /// Entries over limit, 0 to 1, in the recorder's own namespace once the entries of all safe ports are gone.
    pub fill_after: Option<f64>,
    /// When that table will be full then.
    pub until_full_after: UntilFull,
    /// Remedies for that table, NOTRACK among them, those that free most first.
    pub remedies: Vec<Remedy>,
    /// Memory its entries take, in bytes.
    pub bytes: Option<u64>,
    /// Connections refused or evicted under no port in particular.
    pub lost_unattributed: u64,
}

impl Advice {
    /// The table that most of this is about.
    #[must_use]
    pub fn table(&self) -> Option<&NamespaceReport> {
        self.tables.get(self.own)
    }

    /// Whether a table was full, or connections were refused or evicted.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let suffers =
            |table: &NamespaceReport| table.full_first.is_some() || table.lost.total() > 0;
        self.lost_unattributed > 0 || self.tables.iter().any(suffers)
    }
}

/// Judges everything that was recorded.
#[must_use]
pub fn advise(recording: &Recording, given: &Given) -> Advice {
    let everything = Options {
        netns: None,
        port: None,
        top: 0,
        points: 1,
    };
    let Report {
        source, namespaces, ..
    } = report(recording, &everything);
    let ports = ports(recording, given);
    let own = namespaces.iter().position(|table| table.own).unwrap_or(0);
    let unattributed = recording.samples.iter().map(|sample| sample.unattributed);
    let own_table = namespaces.get(own);
    let freed = own_table.map(|table| Freed::by(recording, table, &ports));
    Advice {
        kind: given.kind,
        fill_after: own_table
            .zip(freed)
            .and_then(|(table, freed)| freed.fill_after(table)),
        until_full_after: freed.map_or(UntilFull::Unknown, |freed| freed.until_full),
        remedies: own_table.map_or_else(Vec::new, |table| {
            remedies(recording, table, given, &notrack(table, &ports))
        }),
        bytes: own_table.and_then(|table| Some(table.count? * memory::ENTRY)),
        lost_unattributed: unattributed.map(|c| c.refused + c.ended.evicted).sum(),
        source,
        tables: namespaces,
        own,
        ports,
    }
}

fn remedies(
    recording: &Recording,
    table: &NamespaceReport,
    given: &Given,
    notrack: &[Notrack],
) -> Vec<Remedy> {
    let here = Netns {
        cookie: table.cookie,
        inode: table.netns,
    };
    let beside = Beside {
        known: &given.known,
        notrack,
        ipvs: ipvs::services(&given.rulesets, here, &recording.node).and_then(Result::ok),
    };
    remedies::remedies(recording, table, &beside)
}

/// Ports of a table.
fn of_table<'p>(
    table: &NamespaceReport,
    ports: &'p [PortAdvice],
) -> impl Iterator<Item = &'p PortAdvice> {
    let here = (table.netns, table.cookie);
    ports
        .iter()
        .filter(move |port| (port.netns.inode, port.netns.cookie) == here)
}

/// What giving up all safe ports brings.
#[derive(Clone, Copy)]
struct Freed {
    entries: u64,
    until_full: UntilFull,
}

impl Freed {
    fn by(recording: &Recording, table: &NamespaceReport, ports: &[PortAdvice]) -> Self {
        let window = occupancy::window_seconds(recording);
        let safe = of_table(table, ports)
            .filter(|port| matches!(port.verdict, Verdict::Safe | Verdict::Done));
        let (mut entries, mut stops) = (0, 0.0);
        for port in safe {
            entries += port.frees_entries.unwrap_or(0);
            stops += remedies::pressure(&port.figures.total, &port.figures.lost, window).max(0.0);
        }
        Self {
            entries,
            until_full: Room::of(recording, table).until_full(entries, stops),
        }
    }

    fn fill_after(self, table: &NamespaceReport) -> Option<f64> {
        let max = table.max.filter(|max| *max > 0)?;
        Some(table.count?.saturating_sub(self.entries) as f64 / max as f64)
    }
}

/// Ports whose tracking can be given up, and is not yet.
fn notrack(table: &NamespaceReport, ports: &[PortAdvice]) -> Vec<Notrack> {
    of_table(table, ports)
        .filter(|port| !port.notrack.is_empty())
        .map(|port| Notrack {
            protocol: port.protocol,
            port: port.port,
            addresses: port.addresses.clone(),
            frees_entries: port.frees_entries,
            drain_seconds: port.drain_seconds,
            total: port.figures.total,
            lost: port.figures.lost,
            needs_accept: port.verdict == Verdict::NeedsAccept,
        })
        .collect()
}

/// Judges every port, those that would free most first.
fn ports(recording: &Recording, given: &Given) -> Vec<PortAdvice> {
    let occupancies = occupancy::occupancy(recording);
    let window = occupancy::window_seconds(recording);
    let wholes = wholes(&occupancies);
    let mut surroundings: BTreeMap<(Netns, Family), Surroundings<'_>> = BTreeMap::new();
    let mut advice: Vec<PortAdvice> = Vec::new();
    for candidate in candidates(occupancies.keys()) {
        let figures = Figures::of(&candidate, recording, &occupancies, window);
        let (netns, family) = (candidate.netns, candidate.family);
        let around = surroundings.entry((netns, family)).or_insert_with(|| {
            let mut around = Surroundings::new(
                netns,
                family,
                &recording.node,
                &given.rulesets,
                given.addresses.as_deref(),
            );
            around.unread.extend(given.unread.iter().cloned());
            around
        });
        let whole = wholes.get(&netns).copied().unwrap_or(Whole {
            entries: 0,
            inserted: 0,
        });
        let port = judge::judge(recording, &candidate, figures, around, whole);
        // Candidates come in order of their endpoints, so that the addresses of a port follow one another.
        let mut same_port = advice
            .iter_mut()
            .rev()
            .take_while(|other| is_same_port(other, &port));
        match same_port.find(|other| share_verdict(other, &port)) {
            Some(other) => merge(other, port, window),
            None => advice.push(port),
        }
    }
    advice.sort_by_key(|port| std::cmp::Reverse((port.frees_entries, port.figures.total.inserted)));
    advice
}

/// What each namespace has in all.
fn wholes(occupancies: &BTreeMap<Endpoint, Occupancy>) -> BTreeMap<Netns, Whole> {
    let mut wholes = BTreeMap::new();
    for (endpoint, occupancy) in occupancies {
        let whole = wholes.entry(endpoint.netns).or_insert(Whole {
            entries: 0,
            inserted: 0,
        });
        whole.entries += occupancy.entries.unwrap_or(0);
        whole.inserted += occupancy.total.inserted;
    }
    wholes
}

/// Whether two addresses of a port go into one element.
fn share_verdict(a: &PortAdvice, b: &PortAdvice) -> bool {
    let codes = |port: &PortAdvice| -> std::collections::BTreeSet<Code> {
        port.reasons.iter().map(|reason| reason.code).collect()
    };
    a.verdict == b.verdict && codes(a) == codes(b)
}

fn is_same_port(a: &PortAdvice, b: &PortAdvice) -> bool {
    let key = |port: &PortAdvice| (port.netns, port.family, port.protocol, port.port, port.role);
    key(a) == key(b)
}

fn merge(into: &mut PortAdvice, other: PortAdvice, window_seconds: f64) {
    into.figures.add(&other.figures, window_seconds);
    into.addresses.extend(other.addresses);
    into.share = into
        .share
        .zip(other.share)
        .map(|(a, b)| a + b)
        .or(into.share);
    into.frees_entries = into.figures.entries;
    into.drain_seconds = into.drain_seconds.max(other.drain_seconds);
    let new: Vec<_> = other
        .reasons
        .into_iter()
        .filter(|r| !into.reasons.contains(r))
        .collect();
    into.reasons.extend(new);
    into.notrack.extend(other.notrack);
    into.accepts.extend(other.accepts);
}
