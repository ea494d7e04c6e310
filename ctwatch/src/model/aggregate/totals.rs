//! One endpoint's sums.

use std::collections::BTreeMap;

use crate::model::{
    dump::{EndpointDump, Evidence, Finding},
    entry::{Entry, State},
    states::StateCounts,
    status,
};

/// Two cache lines: in a dump of a large table each entry finds its endpoint's sums in memory that is not at hand. No
/// table has 2³² entries.
#[derive(Debug, Default)]
pub(super) struct Totals {
    unreplied: u32,
    /// Without a state: those without a reply, those with one.
    stateless: [u32; 2],
    states: [u32; State::NAMES.len()],
    /// Most endpoints have none.
    findings: Option<Box<BTreeMap<Finding, Evidence>>>,
}

impl Totals {
    pub(super) fn add(&mut self, entry: &Entry) {
        let replied = entry.is_replied();
        self.unreplied += u32::from(!replied);
        let state = entry
            .state
            .and_then(|state| self.states.get_mut(usize::from(state.0)));
        let [without, with] = &mut self.stateless;
        *state.unwrap_or(if replied { with } else { without }) += 1;
        for finding in findings(entry) {
            let evidence = self
                .findings
                .get_or_insert_default()
                .entry(finding)
                .or_default();
            evidence.entries += 1;
            if evidence.example.is_empty() {
                evidence.example = entry.to_string();
            }
        }
    }

    /// With so many distinct clients.
    pub(super) fn into_dump(self, clients: u64) -> EndpointDump {
        let names = [StateCounts::UNREPLIED, StateCounts::REPLIED];
        let states: StateCounts = State::NAMES
            .into_iter()
            .zip(self.states)
            .chain(names.into_iter().zip(self.stateless))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name, u64::from(count)))
            .collect();
        EndpointDump {
            entries: states.values().sum(),
            states,
            clients,
            unreplied: u64::from(self.unreplied),
            findings: self.findings.map(|findings| *findings).unwrap_or_default(),
        }
    }
}

/// What in this entry needs tracking.
fn findings(entry: &Entry) -> impl Iterator<Item = Finding> {
    [
        (Finding::DnatObserved, entry.is_destination_translated()),
        (Finding::SnatObserved, entry.is_source_translated()),
        (
            Finding::Helper,
            entry.helper.is_some() || entry.has(status::HELPER),
        ),
        (
            Finding::Expectation,
            entry.expected || entry.has(status::EXPECTED),
        ),
        (Finding::Connmark, entry.mark != 0),
        (Finding::Connlabel, entry.labelled),
        (Finding::CtZone, entry.zone != 0),
        (Finding::SeqAdjust, entry.has(status::SEQ_ADJUST)),
        (
            Finding::Flowtable,
            entry.status & (status::OFFLOAD | status::HW_OFFLOAD) != 0,
        ),
    ]
    .into_iter()
    .filter_map(|(finding, shows)| shows.then_some(finding))
}
