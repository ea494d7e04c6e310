//! The timeout that an entry has by its protocol and state.

use std::collections::BTreeMap;

use crate::model::endpoint::Protocol;

/// Seconds that an entry in a state stays after its last packet: the sysctl where it was read, else the kernel's own
/// value.
pub(super) fn seconds(protocol: Protocol, state: &str, sysctls: &BTreeMap<String, String>) -> u64 {
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
