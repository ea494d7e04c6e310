//! What restricts tracing, and what this process may do.

use super::{field, or_hidden, tree::Tree};
use crate::model::doctor::{
    Told,
    facts::{Process, Security},
};

pub(super) fn read(tree: &Tree) -> Security {
    const SECURITYFS: &str = "/sys/kernel/security";
    Security {
        lockdown: tree.text("/sys/kernel/security/lockdown"),
        // The directory is there, and empty, also where nothing is mounted on it.
        securityfs: tree
            .names(SECURITYFS)
            .value()
            .is_some_and(|names| !names.is_empty()),
        unprivileged_bpf_disabled: tree.value("/proc/sys/kernel/unprivileged_bpf_disabled"),
        perf_event_paranoid: tree.value("/proc/sys/kernel/perf_event_paranoid"),
        kptr_restrict: tree.value("/proc/sys/kernel/kptr_restrict"),
    }
}

pub(super) fn process(tree: &Tree) -> Process {
    const STATUS: &str = "/proc/self/status";
    const LIMITS: &str = "/proc/self/limits";
    let capabilities = match tree.text(STATUS) {
        Told::Value(text) => {
            let set = field(&text, "CapPrm").and_then(|set| u64::from_str_radix(set, 16).ok());
            or_hidden(set, STATUS)
        }
        other => other.map(|_| 0),
    };
    let memlock = match tree.text(LIMITS) {
        Told::Value(text) => or_hidden(soft_memlock(&text), LIMITS),
        other => other.map(|_| 0),
    };
    Process {
        capabilities,
        memlock,
    }
}

/// `Max locked memory         8388608              8388608              bytes`
fn soft_memlock(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        bytes => bytes.parse().ok(),
    }
}
