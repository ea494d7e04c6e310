//! Entries by state.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use super::rest::{self, Times};
use crate::{
    analysis::timeout::Timeouts,
    model::{
        endpoint::Protocol,
        left::{Left, Lefts},
        stage::Stage,
    },
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
    lefts: &Lefts,
    all: u64,
    sysctls: Option<&BTreeMap<String, String>>,
) -> Vec<StateRow> {
    let timeouts = Timeouts(sysctls);
    let mut rows: Vec<_> = lefts.iter().collect();
    rows.sort_by_key(|(protocol, stage, rest)| (Reverse(rest.entries), *protocol, *stage));
    let row = |(protocol, stage, left): (Protocol, Stage, &Left)| StateRow {
        protocol: protocol.to_string(),
        state: stage.name(),
        entries: left.entries,
        share: left.entries as f64 / all.max(1) as f64,
        times: rest::times(left, protocol, stage, &timeouts),
    };
    rows.into_iter().map(row).collect()
}
