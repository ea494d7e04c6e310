//! How long entries stay once nothing refreshes them.

use std::collections::BTreeMap;

use crate::{analysis::timeout, model::endpoint::Protocol};

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
        .map(|(state, _)| timeout::seconds(protocol, state, sysctls))
        .max()
        .map(|longest| longest + GC_PASS_SECONDS)
}
