//! What in the entries needs tracking, and which entry shows it.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::model::{
    dump::{Evidence, Finding},
    entry::Entry,
    status,
};

/// By the endpoint's number; most have none.
#[derive(Debug, Default)]
pub(super) struct Findings(HashMap<u32, BTreeMap<Finding, Evidence>, RandomState>);

impl Findings {
    /// Of an entry at the endpoint with this number; the first with a finding is its example.
    pub(super) fn add(&mut self, endpoint: u32, entry: &Entry) {
        for finding in findings(entry) {
            let of_endpoint = self.0.entry(endpoint).or_default();
            let evidence = of_endpoint.entry(finding).or_default();
            evidence.entries += 1;
            if evidence.example.is_empty() {
                evidence.example = entry.to_string();
            }
        }
    }

    /// Takes over another's, whose endpoints have these numbers here.
    pub(super) fn merge(&mut self, other: Self, numbers: &[u32]) {
        for (endpoint, findings) in other.0 {
            let Some(endpoint) = numbers.get(endpoint as usize) else {
                continue;
            };
            let of_endpoint = self.0.entry(*endpoint).or_default();
            for (finding, evidence) in findings {
                let mine = of_endpoint.entry(finding).or_default();
                mine.entries += evidence.entries;
                if mine.example.is_empty() {
                    mine.example = evidence.example;
                }
            }
        }
    }

    /// Takes out those of an endpoint.
    pub(super) fn take(&mut self, endpoint: u32) -> BTreeMap<Finding, Evidence> {
        self.0.remove(&endpoint).unwrap_or_default()
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
