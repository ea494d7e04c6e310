//! Which ways of attaching this kernel has.

use super::{
    privileges::missing,
    security::forbidden,
    version::{Since, Version},
};
use crate::model::doctor::{
    Answer, Facts, Finding, Told, Topic,
    facts::{Config, Kernel},
};

const VERSIONS: [Since; 5] = [
    Since {
        topic: Topic::Watching,
        check: "ring-buffer",
        version: Version(5, 8),
        name: "Linux 5.8",
        with: "BPF ring buffers",
        without: "no BPF ring buffer",
    },
    Since {
        topic: Topic::Watching,
        check: "memory-accounting",
        version: Version(5, 11),
        name: "Linux 5.11",
        with: "BPF memory counts against the cgroup, not against RLIMIT_MEMLOCK",
        without: "BPF memory counts against RLIMIT_MEMLOCK",
    },
    Since {
        topic: Topic::Watching,
        check: "namespace-cookies",
        version: Version(5, 14),
        name: "Linux 5.14",
        with: "the kernel tells a namespace's cookie (SO_NETNS_COOKIE)",
        without: "a namespace that gets the inode number of one that went away is counted together with it",
    },
    Since {
        topic: Topic::Watching,
        check: "drop-reasons",
        version: Version(5, 17),
        name: "Linux 5.17",
        with: "the tracepoint kfree_skb says why a packet was dropped",
        without: "the tracepoint kfree_skb does not say why a packet was dropped",
    },
    Since {
        topic: Topic::Watching,
        check: "missed-probes-counted",
        version: Version(6, 7),
        name: "Linux 6.7",
        with: "the kernel counts the probe hits that it missed",
        without: "missed probe hits are not counted: inserted less ended, against the change of the table's count, is the check",
    },
];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        kprobes(facts),
        fentry(facts),
        raw_tracepoints(facts),
        btf(facts),
    ];
    findings.extend(VERSIONS.iter().map(|since| since.finding(facts)));
    findings
}

/// Whether kprobes can be attached, so far as files tell.
pub(super) fn kprobes(facts: &Facts) -> Finding {
    const DEVICE: &str = "/sys/bus/event_source/devices/kprobe";
    let finding = |answer, reason: String| Finding::new(Topic::Watching, "kprobes", answer, reason);
    let configured = |name| option(&facts.kernel, name);
    match &facts.kernel.kprobe_device {
        Told::Value(()) => finding(Answer::Yes, format!("the kernel offers {DEVICE}")),
        Told::Hidden(reason) => {
            finding(Answer::Unknown, format!("{DEVICE}: {reason}")).todo(format!("ls {DEVICE}"))
        }
        Told::Absent => {
            let why = match (configured("KPROBES"), configured("KPROBE_EVENTS")) {
                (Some((file, None)), _) => format!("CONFIG_KPROBES is not set in {file}"),
                (_, Some((file, None))) => format!("CONFIG_KPROBE_EVENTS is not set in {file}"),
                _ => format!(
                    "there is no {DEVICE} (no CONFIG_KPROBE_EVENTS, or older than Linux 4.17)"
                ),
            };
            finding(Answer::No, why).todo("record watches through netlink here; for probes, boot a kernel with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS, as distributions' kernels have")
        }
    }
}

/// Functions that probes attach to, all of which fentry must take.
const ATTACHED: [&str; 7] = [
    "nf_conntrack_free",
    "nf_ct_delete",
    "__nf_conntrack_alloc",
    "early_drop",
    "nf_ct_resolve_clash",
    "__nf_conntrack_hash_insert",
    "__nf_conntrack_confirm",
];

/// What speaks against fentry; that a kernel refuses it all the same shows only when it is tried.
pub(super) fn fentry(facts: &Facts) -> Finding {
    let finding = |answer, reason: String| Finding::new(Topic::Watching, "fentry", answer, reason);
    let in_module = facts
        .kernel
        .functions
        .value()
        .is_some_and(|functions| functions.iter().any(|f| f.module.is_some()));
    match Version::of(facts) {
        Some(version) if in_module && version < Version(5, 11) => {
            let reason = "nf_conntrack is a module, and this kernel has no BTF of modules";
            return finding(Answer::No, reason.to_owned()).needs("Linux 5.17");
        }
        Some(version) if version < Version(5, 17) => {
            let reason =
                "the kernel does not hand arguments over as ctwatch needs them (bpf_get_func_arg)";
            return finding(Answer::No, reason.to_owned()).needs("Linux 5.17");
        }
        _ => {}
    }
    for name in [
        "FUNCTION_TRACER",
        "DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
        "BPF_JIT",
        "DEBUG_INFO_BTF",
    ] {
        if let Some((file, None)) = option(&facts.kernel, name) {
            return finding(Answer::No, format!("CONFIG_{name} is not set in {file}"));
        }
    }
    if in_module && facts.kernel.module_btf.is_absent() {
        return finding(
            Answer::No,
            "there is no /sys/kernel/btf/nf_conntrack".to_owned(),
        );
    }
    if let Some(lockdown) = forbidden(facts) {
        return finding(Answer::No, lockdown);
    }
    if let Some(split) = split(&facts.kernel) {
        let reason =
            format!("the compiler split a function: {split} is called, which fentry cannot take");
        return finding(Answer::No, reason);
    }
    if in_module && missing(facts, &["CAP_SYS_ADMIN"]).is_some_and(|missing| !missing.is_empty()) {
        let reason = "this process has no CAP_SYS_ADMIN, which functions of a module need";
        return finding(Answer::No, reason.to_owned())
            .todo("see `capabilities` below; record takes kprobes without");
    }
    let reason = "nothing that can be read speaks against it; only attaching tells, and a kernel can still refuse";
    finding(Answer::Unknown, reason.to_owned()).todo("nothing: record takes kprobes then")
}

/// A split form that is called in place of a function that probes attach to.
fn split(kernel: &Kernel) -> Option<&str> {
    let functions = kernel.functions.value()?.iter();
    functions
        .filter(|function| ATTACHED.contains(&function.name))
        .filter_map(|function| function.hooked.as_deref())
        .find(|symbol| symbol.contains('.'))
}

fn raw_tracepoints(facts: &Facts) -> Finding {
    let finding =
        |answer, reason: String| Finding::new(Topic::Watching, "raw-tracepoints", answer, reason);
    if Version::of(facts).is_some_and(|version| version < Version(4, 17)) {
        return finding(Answer::No, "the kernel is older".to_owned()).needs("Linux 4.17");
    }
    if let Some(lockdown) = forbidden(facts) {
        return finding(Answer::No, lockdown);
    }
    for name in ["BPF_SYSCALL", "BPF_EVENTS", "TRACEPOINTS"] {
        if let Some((file, None)) = option(&facts.kernel, name) {
            let reason = format!(
                "CONFIG_{name} is not set in {file}: refused connections get no port where probes cannot attach"
            );
            return finding(Answer::No, reason);
        }
    }
    match &facts.kernel.config {
        Some(config) => finding(
            Answer::Yes,
            format!(
                "CONFIG_BPF_EVENTS in {}; they need neither kprobes nor tracefs",
                config.file
            ),
        ),
        None => finding(Answer::Unknown, no_config())
            .todo("record -v says which tracepoints were attached"),
    }
}

fn btf(facts: &Facts) -> Finding {
    const FILE: &str = "/sys/kernel/btf/vmlinux";
    let finding =
        |answer, reason: String| Finding::new(Topic::Watching, "type-information", answer, reason);
    match (&facts.kernel.btf, &facts.kernel.layout) {
        (Told::Absent, _) => finding(Answer::No, format!("there is no {FILE} (CONFIG_DEBUG_INFO_BTF)"))
            .todo("record watches through netlink here; for probes, boot a kernel with CONFIG_DEBUG_INFO_BTF"),
        (Told::Hidden(reason), _) => finding(Answer::Unknown, format!("{FILE}: {reason}")).todo(format!("ls -l {FILE}")),
        (Told::Value(()), Some(Err(error))) => finding(Answer::No, error.clone()).todo("please report the kernel's version"),
        (Told::Value(()), Some(Ok(()))) => {
            finding(Answer::Yes, format!("{FILE} has every structure member that probes read"))
        }
        (Told::Value(()), None) => finding(Answer::Yes, format!("{FILE} is there; of another node, it was not looked into")),
    }
}

/// The configuration's file, and the option's value there; `None` where no configuration could be read.
fn option<'a>(kernel: &'a Kernel, name: &str) -> Option<(&'a str, Option<&'a String>)> {
    let Config { file, options } = kernel.config.as_ref()?;
    Some((file, options.get(name)))
}

fn no_config() -> String {
    "the kernel's configuration is neither in /proc/config.gz nor in /boot".to_owned()
}
