//! How long entries may rest: the kernel's timeout of each protocol and state.

use std::collections::BTreeMap;

use crate::model::{endpoint::Protocol, stage::Stage};

/// Entries that wait for an acknowledgement, or send again and again, get this timeout in place of a longer one
/// (`nf_conntrack_tcp_packet`): both `tcp_timeout_unacknowledged` and `tcp_timeout_max_retrans` are 300 s by default.
const UNACKNOWLEDGED: [(&str, u32); 2] = [
    ("tcp_timeout_unacknowledged", 300),
    ("tcp_timeout_max_retrans", 300),
];

/// Timeouts, from settings where they are known.
#[derive(Debug)]
pub(super) struct Timeouts<'a>(pub(super) Option<&'a BTreeMap<String, String>>);

impl Timeouts<'_> {
    /// Seconds, and whether a setting says so; `None` for protocols whose timeouts are not known here.
    pub(super) fn of(&self, protocol: Protocol, stage: Stage) -> Option<(u32, bool)> {
        let (name, default) = setting(protocol, stage)?;
        Some(match self.set(&name) {
            Some(seconds) => (seconds, true),
            None => (default, false),
        })
    }

    /// The longest timeout that a TCP entry gets in place of its state's.
    pub(super) fn unacknowledged(&self) -> u32 {
        let seconds = |(name, default): &(&str, u32)| self.set(name).unwrap_or(*default);
        UNACKNOWLEDGED.iter().map(seconds).max().unwrap_or(0)
    }

    fn set(&self, name: &str) -> Option<u32> {
        let key = format!("net.netfilter.nf_conntrack_{name}");
        self.0?.get(&key)?.trim().parse().ok()
    }
}

/// The setting's name behind `nf_conntrack_`, and the kernel's default in seconds.
fn setting(protocol: Protocol, stage: Stage) -> Option<(String, u32)> {
    let name = stage.name();
    let (setting, default) = match protocol {
        Protocol::TCP => return tcp(name),
        Protocol::SCTP => return sctp(name),
        // A stream once packets went to and fro for two seconds; such entries are ASSURED.
        Protocol::UDP if stage == Stage::Assured => ("udp_timeout_stream", 120),
        Protocol::UDP => ("udp_timeout", 30),
        Protocol::ICMP => ("icmp_timeout", 30),
        Protocol::ICMPV6 => ("icmpv6_timeout", 30),
        Protocol::GRE if stage == Stage::Assured => ("gre_timeout_stream", 180),
        Protocol::GRE => ("gre_timeout", 30),
        // Follow rules of their own.
        Protocol::DCCP | Protocol(136) => return None,
        _ => ("generic_timeout", 600),
    };
    Some((setting.to_owned(), default))
}

/// `tcp_timeouts` in nf_conntrack_proto_tcp.c.
fn tcp(state: &str) -> Option<(String, u32)> {
    let (setting, seconds) = match state {
        "SYN_SENT" | "SYN_SENT2" => ("syn_sent", 120),
        "SYN_RECV" => ("syn_recv", 60),
        "ESTABLISHED" => ("established", 432_000),
        "FIN_WAIT" => ("fin_wait", 120),
        "CLOSE_WAIT" => ("close_wait", 60),
        "LAST_ACK" => ("last_ack", 30),
        "TIME_WAIT" => ("time_wait", 120),
        "CLOSE" => ("close", 10),
        _ => return None,
    };
    Some((format!("tcp_timeout_{setting}"), seconds))
}

/// `sctp_timeouts` in nf_conntrack_proto_sctp.c; some differ between kernels, so only the settings count for these.
fn sctp(state: &str) -> Option<(String, u32)> {
    let (setting, seconds) = match state {
        "CLOSED" => ("closed", 10),
        "COOKIE_WAIT" => ("cookie_wait", 3),
        "COOKIE_ECHOED" => ("cookie_echoed", 3),
        "ESTABLISHED" => ("established", 210),
        "SHUTDOWN_SENT" => ("shutdown_sent", 3),
        "SHUTDOWN_RECD" => ("shutdown_recd", 3),
        "SHUTDOWN_ACK_SENT" => ("shutdown_ack_sent", 3),
        "HEARTBEAT_SENT" => ("heartbeat_sent", 30),
        _ => return None,
    };
    Some((format!("sctp_timeout_{setting}"), seconds))
}
