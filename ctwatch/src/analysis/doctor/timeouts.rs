//! Timeouts that are not the kernel's own, and who set them.

use super::setting;
use crate::{
    analysis::ownership,
    model::doctor::{Answer, Facts, Finding, Topic},
};

/// The kernel's own values in seconds, Linux 5.10 to 7.2 (nf_conntrack_proto_*.c); SCTP's established was five days
/// before 6.2, UDP's stream 180 s before 5.1.
const DEFAULTS: [(&str, &[u64]); 26] = [
    ("generic_timeout", &[600]),
    ("icmp_timeout", &[30]),
    ("icmpv6_timeout", &[30]),
    ("udp_timeout", &[30]),
    ("udp_timeout_stream", &[120, 180]),
    ("gre_timeout", &[30]),
    ("gre_timeout_stream", &[180]),
    ("tcp_timeout_syn_sent", &[120]),
    ("tcp_timeout_syn_recv", &[60]),
    ("tcp_timeout_established", &[432_000]),
    ("tcp_timeout_fin_wait", &[120]),
    ("tcp_timeout_close_wait", &[60]),
    ("tcp_timeout_last_ack", &[30]),
    ("tcp_timeout_time_wait", &[120]),
    ("tcp_timeout_close", &[10]),
    ("tcp_timeout_max_retrans", &[300]),
    ("tcp_timeout_unacknowledged", &[300]),
    ("sctp_timeout_closed", &[10]),
    ("sctp_timeout_cookie_wait", &[3]),
    ("sctp_timeout_cookie_echoed", &[3]),
    ("sctp_timeout_established", &[210, 432_000]),
    ("sctp_timeout_shutdown_sent", &[3]),
    ("sctp_timeout_shutdown_recd", &[3]),
    ("sctp_timeout_shutdown_ack_sent", &[3]),
    ("sctp_timeout_heartbeat_sent", &[30]),
    ("frag6_timeout", &[60]),
];

/// States that a connection passes through: entries that stay in one for so many times its own time pile up.
const PASSING: [&str; 6] = [
    "tcp_timeout_syn_sent",
    "tcp_timeout_syn_recv",
    "tcp_timeout_fin_wait",
    "tcp_timeout_close_wait",
    "tcp_timeout_last_ack",
    "tcp_timeout_time_wait",
];
const TOO_LONG: u64 = 10;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if facts.conntrack.loaded == Some(false) {
        return Vec::new();
    }
    let values: Vec<_> = DEFAULTS
        .iter()
        .filter_map(|(name, defaults)| Some((*name, *defaults, setting::conntrack(facts, name)?)))
        .collect();
    if values.is_empty() {
        let reason = "no timeout could be read below /proc/sys/net/netfilter";
        return vec![
            Finding::new(Topic::Settings, "timeouts", Answer::Unknown, reason)
                .todo("sysctl -a --pattern 'nf_conntrack.*timeout'"),
        ];
    }
    let mut findings: Vec<_> = values
        .iter()
        .filter(|(_, defaults, value)| !defaults.contains(value))
        .map(|(name, defaults, value)| changed(facts, name, defaults[0], *value))
        .collect();
    if findings.is_empty() {
        let reason = format!("all {} that were read are the kernel's own", values.len());
        findings.push(Finding::new(
            Topic::Settings,
            "timeouts",
            Answer::Yes,
            reason,
        ));
    }
    findings
}

fn changed(facts: &Facts, short: &str, default: u64, value: u64) -> Finding {
    let name = format!("net.netfilter.nf_conntrack_{short}");
    let owner = ownership::owner(facts, &name, value);
    let who = owner.as_ref().map_or(
        "nobody who set it is known (by hand, or by a program)",
        |owner| &owner.who,
    );
    let who = if owner.is_some() {
        format!("set by {who}")
    } else {
        who.to_owned()
    };
    let reason = format!("{name} = {value} s, the kernel's own is {default} s; {who}");
    let finding = Finding::new(Topic::Settings, "timeouts", Answer::No, reason).of(&name);
    let how = owner.map_or_else(|| format!("sysctl -w {name}={default}"), |owner| owner.how);
    if PASSING.contains(&short) && value >= default * TOO_LONG {
        let state = short.trim_start_matches("tcp_timeout_").to_uppercase();
        return finding.attention(
            format!("entries in {state} pile up and fill the table, each for {value} s after its last packet"),
            format!("conntrack -L -p tcp --state {state} | wc -l"),
            format!("{default} s, by {how}"),
        );
    }
    finding
}
