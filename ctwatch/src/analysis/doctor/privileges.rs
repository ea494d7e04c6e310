//! What this process may do.

use super::version::Version;
use crate::model::doctor::{Answer, Facts, Finding, Told, Topic};

/// Capability, bit, and what it is for.
const CAPABILITIES: [(&str, u32, &str); 7] = [
    (
        "CAP_NET_ADMIN",
        12,
        "record, with every source: ctnetlink's events and dumps",
    ),
    (
        "CAP_BPF",
        39,
        "record through probes, ports of refused connections",
    ),
    (
        "CAP_PERFMON",
        38,
        "record through probes, ports of refused connections",
    ),
    (
        "CAP_SYS_ADMIN",
        21,
        "other network namespaces, fentry into modules",
    ),
    (
        "CAP_SYS_PTRACE",
        19,
        "finding other users' network namespaces",
    ),
    ("CAP_NET_RAW", 13, "rules of legacy iptables"),
    (
        "CAP_SYSLOG",
        34,
        "addresses in /proc/kallsyms: causes of ends",
    ),
];

const SYS_ADMIN: u32 = 21;
const SYS_RESOURCE: u32 = 24;

/// What the maps of the probes take at most, a processor.
const MAPS: &str = "some 8 MiB a processor";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = CAPABILITIES
        .iter()
        .map(|capability| holds(facts, capability))
        .collect();
    findings.extend(memlock(facts));
    findings
}

/// Those of these names that this process lacks; `None` where its capabilities could not be read. CAP_SYS_ADMIN stands
/// for CAP_BPF and CAP_PERFMON, as in the kernel.
pub(super) fn missing(facts: &Facts, names: &[&'static str]) -> Option<Vec<&'static str>> {
    let set = facts.process.capabilities.value()?;
    let lacks = |name: &&'static str| {
        let bit = CAPABILITIES
            .iter()
            .find(|(known, ..)| known == name)
            .map_or(0, |(_, bit, _)| *bit);
        !(has(*set, bit) || matches!(*name, "CAP_BPF" | "CAP_PERFMON") && has(*set, SYS_ADMIN))
    };
    Some(names.iter().copied().filter(lacks).collect())
}

fn has(set: u64, bit: u32) -> bool {
    set >> bit & 1 == 1
}

fn holds(facts: &Facts, (name, _, purpose): &(&'static str, u32, &str)) -> Finding {
    let finding = |answer, reason: String| {
        Finding::new(Topic::Privileges, "capability", answer, reason).of(*name)
    };
    match missing(facts, &[name]) {
        None => finding(
            Answer::Unknown,
            "CapPrm could not be read in /proc/self/status".to_owned(),
        )
        .todo("grep CapPrm /proc/self/status"),
        Some(missing) if missing.is_empty() => finding(Answer::Yes, (*purpose).to_owned()),
        Some(_) => {
            finding(Answer::No, format!("this process lacks it; {purpose}")).todo(how_to_get_it())
        }
    }
}

fn how_to_get_it() -> String {
    "sudo ctwatch record, or once: sudo setcap cap_net_admin,cap_bpf,cap_perfmon,cap_net_raw,cap_syslog,cap_sys_admin,cap_sys_ptrace+ep \"$(command -v ctwatch)\"".to_owned()
}

/// Only before Linux 5.11, which counts BPF memory elsewhere.
fn memlock(facts: &Facts) -> Option<Finding> {
    let old = Version::of(facts).is_some_and(|version| version < Version(5, 11));
    if !old {
        return None;
    }
    let finding = |answer, reason: String| {
        Finding::new(Topic::Privileges, "memory-lock-limit", answer, reason).needs("Linux 5.11")
    };
    let raises = facts
        .process
        .capabilities
        .value()
        .is_some_and(|set| has(*set, SYS_RESOURCE));
    Some(match &facts.process.memlock {
        Told::Value(u64::MAX) => finding(Answer::Yes, "RLIMIT_MEMLOCK is unlimited".to_owned()),
        Told::Value(_) if raises => finding(
            Answer::Yes,
            "record raises RLIMIT_MEMLOCK (CAP_SYS_RESOURCE)".to_owned(),
        ),
        Told::Value(bytes) => finding(
            Answer::No,
            format!("RLIMIT_MEMLOCK is {bytes} bytes, probes take {MAPS}"),
        )
        .todo("ulimit -l unlimited, or LimitMEMLOCK=infinity in the service"),
        Told::Absent | Told::Hidden(_) => finding(
            Answer::Unknown,
            "RLIMIT_MEMLOCK could not be read in /proc/self/limits".to_owned(),
        )
        .todo("ulimit -l"),
    })
}
