//! Which source `record` would take here, and why.

use super::{
    privileges::missing,
    tracing::{fentry, kprobes},
};
use crate::model::doctor::{Answer, Facts, Finding, Topic};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![taken(facts)]
}

fn taken(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| Finding::new(Topic::Watching, "record", answer, reason);
    if facts.conntrack.loaded == Some(false) {
        return finding(
            Answer::No,
            "nf_conntrack is not loaded: nothing is tracked, there is nothing to watch".to_owned(),
        )
        .todo("a rule that uses conntrack loads it, and so does modprobe nf_conntrack");
    }
    if missing(facts, &["CAP_NET_ADMIN"]).is_some_and(|missing| !missing.is_empty()) {
        return finding(
            Answer::No,
            "this process has no CAP_NET_ADMIN, which every source needs".to_owned(),
        )
        .todo("see `capabilities` below");
    }
    let netlink = |why: String| {
        finding(
            Answer::Yes,
            format!("through netlink, as probes cannot be attached: {why}"),
        )
        .todo("nothing needs to be done; docs/sources.md tells what netlink cannot see")
    };
    let unknown = |how: &str, why: String| {
        finding(
            Answer::Unknown,
            format!("through {how} if they can be attached, else through netlink: {why}"),
        )
        .todo("ctwatch record -v -d 1s -f /dev/shm/try.db says what was attached")
    };
    let fentry = fentry(facts).answer != Answer::No;
    let kprobes = of_kprobes(facts).or_else(|| obstacle(facts));
    match (obstacle(facts), kprobes) {
        (_, None) => finding(Answer::Yes, with_losses(facts, fentry)),
        (None, Some((_, why))) if fentry => unknown("fentry and fexit", why),
        (_, Some((Answer::No, why))) => netlink(why),
        (_, Some((_, why))) => unknown("kprobes", why),
    }
}

/// What keeps kprobes from being attached, or could.
fn of_kprobes(facts: &Facts) -> Option<(Answer, String)> {
    let kprobes = kprobes(facts);
    if kprobes.answer != Answer::Yes {
        return Some((kprobes.answer, kprobes.reason));
    }
    let paranoia = super::security::perf_event_paranoid(facts);
    (paranoia.answer == Answer::No).then_some((Answer::No, paranoia.reason))
}

/// What keeps probes from being attached in any way, or could.
fn obstacle(facts: &Facts) -> Option<(Answer, String)> {
    if let Some(missing) =
        missing(facts, &["CAP_BPF", "CAP_PERFMON"]).filter(|missing| !missing.is_empty())
    {
        return Some((
            Answer::No,
            format!("this process has no {}", missing.join(", no ")),
        ));
    }
    if facts.kernel.btf.is_absent() {
        return Some((Answer::No, "there is no /sys/kernel/btf/vmlinux".to_owned()));
    }
    if let Some(Err(error)) = &facts.kernel.layout {
        return Some((Answer::No, error.clone()));
    }
    if let Some(lockdown) = super::security::forbidden(facts) {
        return Some((Answer::No, lockdown));
    }
    match &facts.kernel.plan {
        None => Some((
            Answer::Unknown,
            "/proc/kallsyms could not be read".to_owned(),
        )),
        Some(Err(error)) => Some((Answer::No, error.clone())),
        Some(Ok(_)) => None,
    }
}

fn with_losses(facts: &Facts, fentry: bool) -> String {
    let how = match fentry {
        true => {
            "through fentry if this kernel takes it, which only attaching tells, else through kprobes"
        }
        false => "through kprobes",
    };
    let losses = facts.kernel.plan.iter().flatten().flatten();
    let losses: Vec<&str> = losses.map(String::as_str).collect();
    if losses.is_empty() {
        format!("{how}: every function that it needs is there")
    } else {
        format!("{how}; degraded: {}", losses.join("; "))
    }
}
