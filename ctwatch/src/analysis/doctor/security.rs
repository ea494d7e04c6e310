//! The kernel's settings that restrict tracing.

use super::privileges::missing;
use crate::model::doctor::{Answer, Facts, Finding, Told, Topic};

/// The highest level that kernels of kernel.org know.
const ORDINARY_PARANOIA: i64 = 2;

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        lockdown(facts),
        unprivileged_bpf(facts),
        perf_event_paranoid(facts),
        addresses(facts),
    ]
}

/// Why lockdown forbids probes, if it does. Integrity forbids nothing that ctwatch does; confidentiality forbids
/// kprobes (`LOCKDOWN_KPROBES`) and BPF programs that read the kernel's memory (`LOCKDOWN_BPF_READ_KERNEL`).
pub(super) fn forbidden(facts: &Facts) -> Option<String> {
    let mode = facts.security.lockdown.value()?;
    mode.contains("[confidentiality]").then(|| {
        format!("{LOCKDOWN} says confidentiality, which forbids kprobes and BPF programs that read the kernel's memory")
    })
}

fn lockdown(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| {
        Finding::new(Topic::Privileges, "lockdown-allows-probes", answer, reason)
    };
    if let Some(reason) = forbidden(facts) {
        return finding(Answer::No, reason).todo("record --source netlink; lockdown is lifted only at boot (lockdown= on the kernel's command line, secure boot)");
    }
    match &facts.security.lockdown {
        Told::Value(mode) if mode.contains("[integrity]") => finding(
            Answer::Yes,
            format!("{LOCKDOWN} says integrity, which forbids nothing that ctwatch does"),
        ),
        Told::Value(_) => finding(Answer::Yes, format!("{LOCKDOWN} says none")),
        Told::Absent if facts.security.securityfs => finding(
            Answer::Yes,
            format!("there is no {LOCKDOWN}: this kernel has no lockdown"),
        ),
        Told::Absent => no_securityfs(facts),
        Told::Hidden(reason) => finding(Answer::Unknown, format!("{LOCKDOWN}: {reason}"))
            .todo(format!("cat {LOCKDOWN}")),
    }
}

fn no_securityfs(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| {
        Finding::new(Topic::Privileges, "lockdown-allows-probes", answer, reason)
    };
    match &facts.kernel.config {
        Some(config) if !config.options.contains_key("SECURITY_LOCKDOWN_LSM") => finding(
            Answer::Yes,
            format!("CONFIG_SECURITY_LOCKDOWN_LSM is not set in {}", config.file),
        ),
        _ => finding(Answer::Unknown, "securityfs is not mounted".to_owned()).todo(format!(
            "mount -t securityfs securityfs /sys/kernel/security; cat {LOCKDOWN}"
        )),
    }
}

fn unprivileged_bpf(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| {
        Finding::new(
            Topic::Privileges,
            "unprivileged-bpf-refused",
            answer,
            reason,
        )
    };
    match &facts.security.unprivileged_bpf_disabled {
        Told::Value(0) => finding(Answer::No, "kernel.unprivileged_bpf_disabled = 0: everybody may load some BPF programs; ctwatch's need CAP_BPF and CAP_PERFMON all the same".to_owned()),
        Told::Value(value) => finding(Answer::Yes, format!("kernel.unprivileged_bpf_disabled = {value}: no bpf() without CAP_BPF, which ctwatch's probes need in any case")),
        Told::Absent => finding(Answer::Unknown, "this kernel has no kernel.unprivileged_bpf_disabled (no CONFIG_BPF_SYSCALL?)".to_owned()).todo("sysctl kernel.unprivileged_bpf_disabled"),
        Told::Hidden(reason) => finding(Answer::Unknown, format!("kernel.unprivileged_bpf_disabled: {reason}")).todo("sysctl kernel.unprivileged_bpf_disabled"),
    }
}

/// Debian's kernels, and Ubuntu's, know levels above 2, at which `perf_event_open` wants CAP_SYS_ADMIN as well.
pub(super) fn perf_event_paranoid(facts: &Facts) -> Finding {
    const NAME: &str = "kernel.perf_event_paranoid";
    let finding = |answer, reason: String| {
        Finding::new(
            Topic::Privileges,
            "perf-events-allow-probes",
            answer,
            reason,
        )
    };
    match &facts.security.perf_event_paranoid {
        Told::Value(level) if *level > ORDINARY_PARANOIA => {
            let reason = format!(
                "{NAME} = {level}: this kernel wants CAP_SYS_ADMIN for kprobes, beside CAP_PERFMON"
            );
            match missing(facts, &["CAP_SYS_ADMIN"]) {
                Some(missing) if missing.is_empty() => {
                    finding(Answer::Yes, format!("{reason}, and this process has it"))
                }
                Some(_) => finding(Answer::No, reason)
                    .todo(format!("grant CAP_SYS_ADMIN too, or sysctl {NAME}=2")),
                None => finding(Answer::Unknown, reason).todo("grep CapPrm /proc/self/status"),
            }
        }
        Told::Value(level) => finding(
            Answer::Yes,
            format!("{NAME} = {level}: kprobes need CAP_PERFMON"),
        ),
        Told::Absent | Told::Hidden(_) => {
            finding(Answer::Unknown, format!("{NAME} could not be read"))
                .todo(format!("sysctl {NAME}"))
        }
    }
}

/// `kallsyms_show_value`: 0 shows addresses to those who may profile the kernel and to CAP_SYSLOG, 1 to CAP_SYSLOG,
/// 2 to nobody.
fn addresses(facts: &Facts) -> Finding {
    let finding =
        |answer, reason: String| Finding::new(Topic::Privileges, "addresses-shown", answer, reason);
    let restrict = facts.security.kptr_restrict.value();
    let value = restrict.map_or_else(|| "-".to_owned(), u64::to_string);
    let Told::Value(_) = facts.kernel.functions else {
        return finding(
            Answer::Unknown,
            format!("/proc/kallsyms could not be read (kernel.kptr_restrict = {value})"),
        )
        .todo("head -1 /proc/kallsyms");
    };
    if facts.conntrack.loaded == Some(false) {
        let reason = format!(
            "nf_conntrack is not loaded, its addresses cannot be looked at (kernel.kptr_restrict = {value})"
        );
        return finding(Answer::Unknown, reason)
            .todo("run doctor again once nf_conntrack is loaded");
    }
    if !facts.kernel.addresses_hidden {
        return finding(
            Answer::Yes,
            format!("/proc/kallsyms shows them (kernel.kptr_restrict = {value})"),
        );
    }
    let todo = match restrict {
        Some(2..) => "sysctl kernel.kptr_restrict=1 while recording, and CAP_SYSLOG",
        _ => "give ctwatch CAP_SYSLOG (root has it)",
    };
    finding(Answer::No, format!("/proc/kallsyms shows zeros (kernel.kptr_restrict = {value}): probes count evictions, resets and other early ends as other")).todo(todo)
}
