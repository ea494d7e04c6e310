//! The settings of TCP that runbooks name when a table is full, and what they do to conntrack.

use super::setting;
use crate::model::doctor::{Answer, Facts, Finding, Told, Topic};

const RECYCLE: &str = "net.ipv4.tcp_tw_recycle";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![recycle(facts), reuse(facts), fastopen(facts)];
    if facts.conntrack.loaded != Some(false) {
        findings.extend([liberal(facts), loose(facts), keepalive(facts)]);
    }
    findings
}

fn frees_none(name: &str, reason: String) -> Finding {
    Finding::new(Topic::Tcp, "frees-entries", Answer::No, reason).of(name)
}

fn recycle(facts: &Facts) -> Finding {
    let named = facts.assignments.iter().find(|line| line.name == RECYCLE);
    match (setting::told(facts, RECYCLE), named) {
        (Told::Value(value), _) if value != "0" => frees_none(RECYCLE, format!("{RECYCLE} = {value}: sockets in TIME_WAIT go early, entries do not; it refuses SYNs whose timestamps run backwards, as those of clients behind one NAT address do")).attention(
            "some clients behind NAT cannot connect, at random",
            "nstat -az TcpExtPAWSPassive; tcpdump shows their SYNs unanswered",
            format!("sysctl -w {RECYCLE}=0, and take it out of /etc/sysctl.d; Linux 4.12 removed it"),
        ),
        (Told::Value(_), _) => frees_none(RECYCLE, format!("{RECYCLE} = 0; leave it: it frees no entry, and breaks clients behind NAT")),
        (_, Some(line)) => frees_none(RECYCLE, format!("Linux 4.12 removed it; {}:{} still sets it", line.file, line.line))
            .todo(format!("take the line out of {}", line.file)),
        _ => frees_none(RECYCLE, "this kernel has none: Linux 4.12 removed it, for it broke clients behind NAT".to_owned()),
    }
}

fn reuse(facts: &Facts) -> Finding {
    const NAME: &str = "net.ipv4.tcp_tw_reuse";
    frees_none(
        NAME,
        format!(
            "{NAME} = {}: the node's own outgoing connections may take the port of a socket in TIME_WAIT; that is sockets (`ss -s`), not conntrack: an entry in TIME_WAIT stays its time unless such a SYN meets it, which reopens it",
            value(facts, NAME)
        ),
    )
}

fn fastopen(facts: &Facts) -> Finding {
    const NAME: &str = "net.ipv4.tcp_fastopen";
    frees_none(
        NAME,
        format!(
            "{NAME} = {} (1 as client, 2 as server): data travel with the SYN and spare a round trip; each connection is an entry all the same",
            value(facts, NAME)
        ),
    )
}

fn value(facts: &Facts, name: &str) -> String {
    setting::told(facts, name)
        .value()
        .cloned()
        .unwrap_or_else(|| "-".to_owned())
}

fn liberal(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_tcp_be_liberal";
    let finding = |answer, reason: String| {
        Finding::new(Topic::Tcp, "windows-checked", answer, reason).of(NAME)
    };
    match setting::conntrack(facts, "tcp_be_liberal") {
        Some(0) => finding(
            Answer::Yes,
            format!(
                "{NAME} = 0: segments outside the window are INVALID, and a rule that drops INVALID drops them; NAT leaves them untranslated"
            ),
        ),
        Some(value) => finding(
            Answer::No,
            format!(
                "{NAME} = {value}: of segments outside the window only resets are INVALID; the table's size stays as it is"
            ),
        ),
        None => finding(Answer::Unknown, format!("{NAME} could not be read"))
            .todo(format!("sysctl {NAME}")),
    }
}

fn loose(facts: &Facts) -> Finding {
    const NAME: &str = "net.netfilter.nf_conntrack_tcp_loose";
    let finding = |answer, reason: String| {
        Finding::new(Topic::Tcp, "connections-picked-up", answer, reason).of(NAME)
    };
    match setting::conntrack(facts, "tcp_loose") {
        Some(0) => finding(
            Answer::No,
            format!(
                "{NAME} = 0: only a SYN makes an entry; connections that are older than the table, or whose entry was lost, are INVALID until they begin anew"
            ),
        ),
        Some(value) => finding(
            Answer::Yes,
            format!(
                "{NAME} = {value}: an ACK in the middle of a connection makes an entry in ESTABLISHED, so that connections survive the loss of theirs; a flood of ACKs fills the table as SYNs do, for longer"
            ),
        ),
        None => finding(Answer::Unknown, format!("{NAME} could not be read"))
            .todo(format!("sysctl {NAME}")),
    }
}

/// An entry must outlive the silence between two keepalives.
fn keepalive(facts: &Facts) -> Finding {
    const TIMEOUT: &str = "net.netfilter.nf_conntrack_tcp_timeout_established";
    const KEEPALIVE: &str = "net.ipv4.tcp_keepalive_time";
    let finding = |answer, reason: String| {
        Finding::new(Topic::Tcp, "idle-connections-survive", answer, reason)
    };
    match (setting::conntrack(facts, "tcp_timeout_established"), setting::number(facts, KEEPALIVE)) {
        (Some(timeout), Some(keepalive)) if timeout < keepalive => finding(Answer::No, format!("{TIMEOUT} = {timeout} s is shorter than {KEEPALIVE} = {keepalive} s: idle connections lose their entry before the first keepalive")).attention(
            "idle connections (databases, pools, SSH) hang or are reset when they are used again",
            format!("sysctl {TIMEOUT} {KEEPALIVE}"),
            format!("raise {TIMEOUT} above {keepalive}, or lower {KEEPALIVE} on both ends"),
        ),
        (Some(timeout), Some(keepalive)) => finding(Answer::Yes, format!("{TIMEOUT} = {timeout} s, {KEEPALIVE} = {keepalive} s; never set the first below the second")),
        _ => finding(Answer::Unknown, format!("{TIMEOUT} or {KEEPALIVE} could not be read")).todo(format!("sysctl {TIMEOUT} {KEEPALIVE}")),
    }
}
