//! How long entries stay once nothing refreshes them.

use std::collections::BTreeMap;

use crate::model::endpoint::Protocol;

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
        .map(|(state, _)| timeout(protocol, state, sysctls))
        .max()
        .map(|longest| longest + GC_PASS_SECONDS)
}

/// The sysctl where the recording has it, else the kernel's default.
fn timeout(protocol: Protocol, state: &str, sysctls: &BTreeMap<String, String>) -> u64 {
    let (name, default) = match (protocol, state) {
        (Protocol::TCP, "SYN_SENT" | "SYN_SENT2") => ("tcp_timeout_syn_sent", 120),
        (Protocol::TCP, "SYN_RECV") => ("tcp_timeout_syn_recv", 60),
        (Protocol::TCP, "ESTABLISHED") => ("tcp_timeout_established", 432_000),
        (Protocol::TCP, "FIN_WAIT") => ("tcp_timeout_fin_wait", 120),
        (Protocol::TCP, "CLOSE_WAIT") => ("tcp_timeout_close_wait", 60),
        (Protocol::TCP, "LAST_ACK") => ("tcp_timeout_last_ack", 30),
        (Protocol::TCP, "TIME_WAIT") => ("tcp_timeout_time_wait", 120),
        (Protocol::TCP, "CLOSE") => ("tcp_timeout_close", 10),
        (Protocol::UDP, "UNREPLIED") => ("udp_timeout", 30),
        (Protocol::UDP, _) => ("udp_timeout_stream", 120),
        _ => ("generic_timeout", 600),
    };
    sysctls
        .get(&format!("net.netfilter.nf_conntrack_{name}"))
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(default)
}
