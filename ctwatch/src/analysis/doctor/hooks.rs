//! The functions that probes attach to, one by one.

use crate::model::doctor::{Answer, Facts, Finding, Told, Topic, facts::Function};

/// What becomes of a recording without the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// No probe is attached at all.
    Nothing,
    /// Inserts are counted at the returns of __nf_conntrack_confirm and nf_conntrack_hash_check_insert.
    OtherInsert,
    /// This is lost.
    Loses(&'static str),
    /// It is not attached to: its addresses, in any form, tell who ended an entry. Without it this is so.
    Caller(&'static str),
}

const OTHER_INSERT: &str = "inserts are counted at the returns of __nf_conntrack_confirm and \
    nf_conntrack_hash_check_insert, which costs more";

/// Functions with their purpose and what their absence means, in the order of `FUNCTIONS` in source/kernel/hooks.rs.
const PURPOSES: [(&str, &str, Without); 16] = [
    (
        "__nf_conntrack_hash_insert",
        "inserts",
        Without::OtherInsert,
    ),
    (
        "__nf_conntrack_confirm",
        "failed inserts by port",
        Without::Loses("failed inserts are not told by port"),
    ),
    (
        "nf_conntrack_hash_check_insert",
        "inserts by ctnetlink, where __nf_conntrack_hash_insert is missing",
        Without::Loses(
            "entries made by ctnetlink are not counted where __nf_conntrack_hash_insert is missing, too",
        ),
    ),
    (
        "__nf_conntrack_alloc",
        "refused connections",
        Without::Nothing,
    ),
    ("nf_conntrack_free", "ends", Without::Nothing),
    (
        "nf_conntrack_in",
        "shows that nf_conntrack is in the kernel; not hooked",
        Without::Loses("nf_conntrack is taken for not loaded"),
    ),
    ("nf_ct_delete", "causes of ends", Without::Nothing),
    (
        "nf_ct_resolve_clash",
        "clashes",
        Without::Loses(
            "dropped and merged clashes are not counted, and NAT clashes may end without a beginning",
        ),
    ),
    (
        "nf_ct_gc_expired",
        "tells expired entries",
        Without::Caller("its callers tell them"),
    ),
    ("early_drop", "evicted entries", Without::Nothing),
    (
        "gc_worker",
        "tells background evictions",
        Without::Caller("background evictions are counted as other ends"),
    ),
    (
        "nf_ct_kill_acct",
        "tells resets",
        Without::Caller("__nf_ct_kill_acct is its other name"),
    ),
    (
        "__nf_ct_kill_acct",
        "tells resets",
        Without::Caller("nf_ct_kill_acct is its other name"),
    ),
    (
        "nf_conntrack_tcp_packet",
        "tells resets",
        Without::Caller("connections ended by a reset are counted as other ends"),
    ),
    (
        "nf_conntrack_dccp_packet",
        "tells resets of DCCP",
        Without::Caller("this kernel does not track DCCP"),
    ),
    (
        "nf_conntrack_sctp_packet",
        "tells resets of SCTP",
        Without::Caller("this kernel does not track SCTP"),
    ),
];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let functions = match &facts.kernel.functions {
        Told::Value(functions) => functions,
        Told::Absent => {
            return vec![unreadable(
                "there is no /proc/kallsyms (CONFIG_KALLSYMS, or /proc is not mounted)",
            )];
        }
        Told::Hidden(reason) => return vec![unreadable(&format!("/proc/kallsyms: {reason}"))],
    };
    if facts.conntrack.loaded == Some(false) {
        let reason = "nf_conntrack is not loaded: its functions are looked up when it is";
        return vec![
            Finding::new(Topic::Hooks, "functions", Answer::Unknown, reason).todo(
                "run doctor again once a rule uses conntrack, or after modprobe nf_conntrack",
            ),
        ];
    }
    let with_purpose = functions.iter().filter_map(|function| {
        let purpose = PURPOSES.iter().find(|(name, ..)| *name == function.name)?;
        Some(finding(facts, function, purpose.1, purpose.2))
    });
    with_purpose.collect()
}

fn unreadable(reason: &str) -> Finding {
    Finding::new(Topic::Hooks, "functions", Answer::Unknown, reason)
        .todo("mount /proc, or run doctor where it is the node's")
}

fn finding(facts: &Facts, function: &Function, purpose: &str, without: Without) -> Finding {
    let new =
        |answer, reason| Finding::new(Topic::Hooks, "function", answer, reason).of(function.name);
    let symbol = match without {
        Without::Caller(_) => function.hooked.as_ref().or(function.forms.first()),
        _ => function.hooked.as_ref(),
    };
    if let Some(symbol) = symbol {
        return new(Answer::Yes, found(facts, function, symbol, purpose));
    }
    let forms = if function.forms.is_empty() {
        "no such symbol in /proc/kallsyms".to_owned()
    } else {
        let forms = function.forms.join(", ");
        format!("only {forms} in /proc/kallsyms, which cannot be hooked in its place")
    };
    let consequence = match without {
        Without::Nothing => "without it no probe is attached",
        Without::OtherInsert => OTHER_INSERT,
        Without::Loses(what) | Without::Caller(what) => what,
    };
    let finding = new(Answer::No, format!("{purpose}: {forms}; {consequence}"));
    if without == Without::Nothing {
        finding.todo("record watches through netlink here; please report this kernel's version")
    } else {
        finding
    }
}

fn found(facts: &Facts, function: &Function, hooked: &str, purpose: &str) -> String {
    let place = function.module.as_ref().map_or_else(
        || "built in".to_owned(),
        |module| format!("module {module}"),
    );
    let others: Vec<&str> = function
        .forms
        .iter()
        .map(String::as_str)
        .filter(|form| *form != hooked)
        .collect();
    let split = if others.is_empty() {
        String::new()
    } else {
        format!(", also as {}", others.join(", "))
    };
    format!(
        "{purpose}: {hooked} ({place}{split}; {})",
        btf(facts, function)
    )
}

/// Where the function's type is told: that of a module's function in the module's own BTF.
fn btf(facts: &Facts, function: &Function) -> &'static str {
    let file = if function.module.is_some() {
        &facts.kernel.module_btf
    } else {
        &facts.kernel.btf
    };
    match (file, function.module.is_some()) {
        (Told::Value(()), true) => "BTF of the module",
        (Told::Value(()), false) => "BTF of vmlinux",
        (Told::Absent, true) => "no BTF of the module",
        (Told::Absent, false) => "no BTF",
        (Told::Hidden(_), _) => "BTF not readable",
    }
}
