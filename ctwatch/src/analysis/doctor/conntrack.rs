//! Whether conntrack is there, and whether and by whom it is used.

use super::{engaged, setting};
use crate::model::doctor::{Answer, Facts, Finding, Topic};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![loaded(facts), ctnetlink(facts)];
    if facts.conntrack.loaded != Some(false) {
        findings.push(engaged::finding(facts));
    }
    findings.extend(facts.elsewhere.iter().map(engaged::elsewhere));
    findings
}

fn loaded(facts: &Facts) -> Finding {
    let finding = |answer, reason: &str| Finding::new(Topic::Conntrack, "loaded", answer, reason);
    match facts.conntrack.loaded {
        Some(true) if facts.conntrack.holders.is_empty() => finding(
            Answer::Yes,
            "nf_conntrack is in this kernel, loaded or built in",
        ),
        Some(true) => finding(
            Answer::Yes,
            &format!(
                "nf_conntrack is loaded, and held by {}",
                facts.conntrack.holders.join(", ")
            ),
        ),
        Some(false) => finding(
            Answer::No,
            "nf_conntrack is not loaded: nothing is tracked on this node",
        ),
        None => finding(
            Answer::Unknown,
            "neither /proc/sys/net/netfilter nor /proc/kallsyms could be read",
        )
        .todo("ls /proc/sys/net/netfilter"),
    }
}

fn ctnetlink(facts: &Facts) -> Finding {
    let finding =
        |answer, reason: &str| Finding::new(Topic::Conntrack, "ctnetlink", answer, reason);
    match facts.conntrack.ctnetlink {
        Some(true) => finding(
            Answer::Yes,
            "nf_conntrack_netlink is in this kernel: dumps and events can be had",
        ),
        Some(false) => finding(
            Answer::No,
            "nf_conntrack_netlink is not loaded; the kernel loads it for the first who asks (conntrack -L, ctwatch record), if the module is installed",
        ),
        None => finding(Answer::Unknown, "/proc/kallsyms could not be read")
            .todo("lsmod | grep nf_conntrack_netlink"),
    }
}

/// Entries of the own namespace.
pub(super) fn count(facts: &Facts) -> Option<u64> {
    setting::conntrack(facts, "count")
}
