//! What remedies stand on: one table's figures, its settings, and who owns these.

use std::collections::{BTreeMap, BTreeSet};

use super::{Beside, idle::idle, population::Populations, room::Room};
use crate::{
    analysis::{occupancy, report::NamespaceReport},
    model::{
        counters::Counters,
        doctor::{Facts, Told},
        dump::{Dump, EndpointDump},
        endpoint::{Endpoint, Netns},
        ipvs::IpvsTable,
        recording::Recording,
        remedy::{Idle, Known, Remedy, RemedyKind, UntilFull},
    },
};

/// Of one namespace's table.
pub(super) struct Ground<'a> {
    pub(super) recording: &'a Recording,
    pub(super) table: &'a NamespaceReport,
    pub(super) known: &'a Known,
    pub(super) ipvs: Option<&'a IpvsTable>,
    pub(super) netns: Netns,
    /// The last dump.
    pub(super) dump: Option<&'a Dump>,
    /// What happened during the recording.
    pub(super) totals: BTreeMap<Endpoint, Counters>,
    /// How long entries of the last dump have been idle.
    pub(super) idle: Idle,
    pub(super) populations: Populations,
    pub(super) room: Room,
    /// Length of the recording in seconds.
    pub(super) window: f64,
    /// Settings and programs, as doctor's knowledge of ownership wants them.
    pub(super) facts: Facts,
    /// Chains of kube-proxy stand in a recorded ruleset.
    pub(super) has_kube_chains: bool,
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        recording: &'a Recording,
        table: &'a NamespaceReport,
        beside: &Beside<'a>,
    ) -> Self {
        let Beside { known, ipvs, .. } = *beside;
        let netns = Netns {
            cookie: table.cookie,
            inode: table.netns,
        };
        let mut totals: BTreeMap<Endpoint, Counters> = BTreeMap::new();
        for (endpoint, counters) in recording.samples.iter().flat_map(|s| &s.deltas) {
            if endpoint.netns == netns {
                *totals.entry(*endpoint).or_default() += *counters;
            }
        }
        let dump = recording.dumps.iter().rfind(|dump| dump.netns == netns);
        let left = dump.map_or(&[][..], |dump| &dump.left);
        let window = occupancy::window_seconds(recording);
        let kube = |text: &str| text.contains("KUBE-SERVICES") || text.contains("kube-proxy");
        let mut rulesets = recording.node.rulesets.iter();
        Self {
            recording,
            table,
            known,
            ipvs,
            netns,
            dump,
            idle: idle(left, &recording.node.sysctls),
            populations: Populations::new(recording, netns),
            room: Room::new(table, &totals, window),
            totals,
            window,
            facts: facts(recording, known),
            has_kube_chains: rulesets.any(|ruleset| kube(&ruleset.text)),
        }
    }

    /// A setting that is a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let value = self.recording.node.sysctls.get(name)?;
        value.split_whitespace().next()?.parse().ok()
    }

    /// Entries of the table: its count, else those of the last dump.
    pub(super) fn entries(&self) -> u64 {
        let dumped = self.dump.map_or(0, |dump| dump.entries);
        self.table.count.unwrap_or(dumped)
    }

    /// Whether so many entries are worth speaking of.
    pub(super) fn is_worthwhile(&self, entries: u64) -> bool {
        entries > 0 && entries as f64 >= self.entries() as f64 * super::WORTHWHILE
    }

    /// Endpoints that had events or entries in the last dump.
    pub(super) fn endpoints(&self) -> BTreeSet<Endpoint> {
        let dumped = self.dump.iter().flat_map(|dump| dump.endpoints.keys());
        self.totals.keys().chain(dumped).copied().collect()
    }

    /// What happened at an endpoint.
    pub(super) fn total(&self, endpoint: &Endpoint) -> Counters {
        self.totals.get(endpoint).copied().unwrap_or_default()
    }

    /// What the last dump saw of an endpoint.
    pub(super) fn seen(&self, endpoint: &Endpoint) -> Option<&'a EndpointDump> {
        self.dump?.endpoints.get(endpoint)
    }

    /// A remedy that frees so many entries, and stops so much of the growth in entries per second.
    pub(super) fn remedy(&self, kind: RemedyKind, frees: Option<u64>, stops: f64) -> Remedy {
        Remedy {
            kind,
            title: String::new(),
            setting: None,
            from: None,
            to: None,
            symptom: String::new(),
            cause: String::new(),
            check: String::new(),
            owner: None,
            how: String::new(),
            persist: None,
            basis: String::new(),
            frees_entries: frees,
            drain_seconds: None,
            costs_bytes: Some(0),
            fill_before: self.table.fill,
            fill_after: frees.and_then(|frees| self.room.fill_without(frees)),
            until_full_after: frees.map_or(UntilFull::Unknown, |frees| {
                self.room.until_full(frees, stops)
            }),
        }
    }
}

fn facts(recording: &Recording, known: &Known) -> Facts {
    let settings = recording.node.sysctls.iter();
    Facts {
        settings: settings
            .map(|(name, value)| (name.clone(), Told::Value(value.clone())))
            .collect(),
        programs: known.programs.clone().unwrap_or_default(),
        assignments: known.assignments.clone(),
        ..Facts::default()
    }
}
