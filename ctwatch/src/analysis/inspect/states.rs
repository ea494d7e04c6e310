//! Entries by state.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use super::{
    rest::{Rests, Times},
    timeout::Timeouts,
};

/// One state of one protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateRow {
    /// Protocol.
    pub protocol: String,
    /// State; protocols without have UNREPLIED, REPLIED and ASSURED.
    pub state: &'static str,
    /// Entries.
    pub entries: u64,
    /// Part of those looked at, 0 to 1.
    pub share: f64,
    /// Time left, and time since the last packet.
    #[serde(flatten)]
    pub times: Times,
}

/// Most entries first.
pub(super) fn states(
    rests: &Rests,
    all: u64,
    sysctls: Option<&BTreeMap<String, String>>,
) -> Vec<StateRow> {
    let timeouts = Timeouts(sysctls);
    let mut rows: Vec<_> = rests.iter().collect();
    rows.sort_by_key(|(protocol, stage, rest)| (Reverse(rest.entries), *protocol, *stage));
    let row = |(protocol, stage, rest): (_, super::Stage, &super::rest::Rest)| StateRow {
        protocol: crate::model::endpoint::Protocol::to_string(&protocol),
        state: stage.name(),
        entries: rest.entries,
        share: rest.entries as f64 / all.max(1) as f64,
        times: rest.times(protocol, stage, &timeouts),
    };
    rows.into_iter().map(row).collect()
}
