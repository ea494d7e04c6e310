//! How long entries stay once nothing refreshes them.

use std::collections::BTreeMap;

use crate::{
    analysis::timeout::Timeouts,
    model::{endpoint::Protocol, stage::Stage},
};

/// Expired entries leave when `gc_worker` passes, which it does at least this often (`GC_SCAN_INTERVAL_MAX`).
const GC_PASS_SECONDS: u64 = 60;

/// Seconds until the last entry in these states is gone: the longest timeout among them and one pass of garbage
/// collection. An upper bound, since the timeouts have been running; `None` without entries.
pub(super) fn seconds(
    protocol: Protocol,
    states: &BTreeMap<String, u64>,
    sysctls: &BTreeMap<String, String>,
) -> Option<u64> {
    states
        .iter()
        .filter(|(_, entries)| **entries > 0)
        .map(|(state, _)| {
            let (seconds, _) = Timeouts(Some(sysctls)).of(protocol, stage(state)?)?;
            Some(u64::from(seconds))
        })
        .max()?
        .map(|longest| longest + GC_PASS_SECONDS)
}

/// Of a dump's states. Some of the replied entries may be assured, which have more time.
fn stage(state: &str) -> Option<Stage> {
    match Stage::from_name(state)? {
        Stage::Replied => Some(Stage::Assured),
        stage => Some(stage),
    }
}
