//! Which program goes to which function of this kernel, and who calls `nf_ct_delete`.

use ctwatch_common::{
    caller::{CallerRange, Callers},
    cause,
};
use thiserror::Error;

use super::kallsyms::{Kallsyms, Symbol};

/// Functions whose symbols matter.
pub const FUNCTIONS: [&str; 18] = [
    "__nf_conntrack_hash_insert",
    "__nf_conntrack_confirm",
    "nf_conntrack_hash_check_insert",
    "__nf_conntrack_alloc",
    "nf_conntrack_free",
    "nf_conntrack_in",
    "nf_ct_delete",
    "nf_ct_resolve_clash",
    "nf_ct_gc_expired",
    "early_drop",
    "gc_worker",
    "nf_ct_kill_acct",
    "__nf_ct_kill_acct",
    "nf_conntrack_tcp_packet",
    "nf_conntrack_dccp_packet",
    "nf_conntrack_sctp_packet",
    "nf_ct_l4proto_log_invalid",
    "nf_l4proto_log_invalid",
];

/// Functions from which a call of `nf_ct_delete` has a known cause.
const CALLERS: [(&str, u32); 8] = [
    ("nf_ct_gc_expired", cause::EXPIRED),
    ("early_drop", cause::EVICTED),
    ("gc_worker", cause::EVICTED_BACKGROUND),
    // A SYN reopens what is closed; a reset ends it by way of nf_ct_kill_acct.
    ("nf_conntrack_tcp_packet", cause::REOPENED),
    ("nf_conntrack_dccp_packet", cause::RESET),
    ("nf_conntrack_sctp_packet", cause::RESET),
    // Called by the trackers on a reset, and by NAT when it takes a port back: the same to the entry's owner.
    ("nf_ct_kill_acct", cause::RESET),
    ("__nf_ct_kill_acct", cause::RESET),
];

/// A way to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// kprobe and kretprobe.
    Kprobe,
    /// fentry and fexit, as far as functions allow them: one with variable arguments does not, and keeps its kprobe.
    Fentry,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum HookError {
    /// nf_conntrack is not in this kernel.
    #[error(
        "cannot attach to nf_conntrack: module not loaded (nothing is tracked on this node; modprobe nf_conntrack, or add a rule that uses it)"
    )]
    NotLoaded,
    /// A function that must be hooked has no symbol.
    #[error(
        "cannot attach to {function}: this kernel has no such symbol, nor a split form of it (`grep {function} /proc/kallsyms` shows what there is; please report the kernel's version)"
    )]
    Missing {
        /// Function.
        function: &'static str,
    },
}

/// A program and the symbol it attaches to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Name of the kernel program.
    pub program: &'static str,
    /// Symbol.
    pub symbol: String,
}

/// Where everything goes.
#[derive(Debug)]
pub struct Plan {
    /// Hooks in the order in which they are attached: ends before inserts, so that an entry whose insert was
    /// counted has its end counted too.
    pub hooks: Vec<Hook>,
    /// Hooks that attribute failed inserts, attached only once there are some: they cost each new flow.
    pub on_failure: Vec<Hook>,
    /// Hooks that tell invalid packets, attached only where these are asked for: they cost each of them.
    pub on_invalid: Vec<Hook>,
    /// What tells all there is of newcomers, their zone included: it costs each new flow. Also stands in for
    /// `early_drop_enter` where that, which nothing but a kprobe can be, is refused.
    pub on_newcomers: Option<Hook>,
    /// Ranges for the kernel side.
    pub callers: Callers,
    /// What the programs are told once, when they are loaded.
    pub shape: Shape,
    /// What this kernel's symbols make impossible, for people.
    pub degraded: Vec<String>,
}

/// How the compiler left the functions, as far as programs depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `nf_ct_delete` is split and hooked behind the test of IPS_DYING.
    pub dying_at_delete: bool,
    /// Inserts are seen at the exit of `__nf_conntrack_confirm`.
    pub insert_at_confirm: bool,
}

impl Plan {
    /// Where a program goes, whenever it is attached.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<&Hook> {
        let all = self.hooks.iter().chain(&self.on_failure);
        all.chain(&self.on_invalid)
            .chain(&self.on_newcomers)
            .find(|hook| hook.program == program)
    }
}

/// Looks every function up.
///
/// # Errors
///
/// [`HookError`] names the first function that cannot be hooked.
pub fn plan(kallsyms: &Kallsyms) -> Result<Plan, HookError> {
    if !kallsyms.conntrack_loaded() {
        return Err(HookError::NotLoaded);
    }
    let mut hooks = Vec::new();
    let mut degraded = Vec::new();
    let mut attach = |program, symbol| hooks.push(hook(program, symbol));
    attach("free", required(kallsyms, "nf_conntrack_free")?);
    let split = kallsyms.part("nf_ct_delete");
    match split {
        Some(part) => attach("delete", part),
        None => attach("delete", required(kallsyms, "nf_ct_delete")?),
    }
    let early_drop = required(kallsyms, "early_drop")?;
    attach("early_drop_enter", early_drop);
    attach("early_drop_exit", early_drop);
    let alloc = kallsyms.callable("__nf_conntrack_alloc");
    let on_newcomers = alloc.map(|symbol| hook("alloc", symbol));
    match kallsyms.callable("nf_ct_resolve_clash") {
        Some(symbol) => {
            attach("clash_exit", symbol);
            attach("clash_enter", symbol);
        }
        None => degraded.push(
            "nf_ct_resolve_clash has no symbol here: dropped and merged clashes are not counted, and \
             NAT clashes may end without having been seen to begin"
                .to_owned(),
        ),
    }
    let insert = kallsyms.callable("__nf_conntrack_hash_insert");
    let mut on_failure = Vec::new();
    if let Some(symbol) = insert {
        attach("hash_insert", symbol);
        let confirm = kallsyms.callable("__nf_conntrack_confirm");
        on_failure.extend(confirm.map(|symbol| hook("confirm_exit", symbol)));
        on_failure.extend(confirm.map(|symbol| hook("confirm_enter", symbol)));
    } else {
        let confirm = required(kallsyms, "__nf_conntrack_confirm")?;
        let check = required(kallsyms, "nf_conntrack_hash_check_insert")?;
        attach("confirm_exit", confirm);
        attach("check_insert_exit", check);
        attach("confirm_enter", confirm);
        attach("check_insert_enter", check);
    }
    let noted = kallsyms.callable("nf_ct_l4proto_log_invalid");
    match noted {
        Some(symbol) => hooks.push(hook("log_invalid_ct", symbol)),
        None => degraded.push(
            "nf_ct_l4proto_log_invalid has no symbol here: SYNs that entries ignore are not counted".to_owned(),
        ),
    }
    let on_invalid = [
        ("invalid_ct", noted),
        ("invalid", kallsyms.callable("nf_l4proto_log_invalid")),
    ];
    let on_invalid = on_invalid
        .into_iter()
        .filter_map(|(program, symbol)| Some(hook(program, symbol?)))
        .collect();
    let callers = callers(kallsyms, &mut degraded);
    Ok(Plan {
        hooks,
        on_failure,
        on_invalid,
        on_newcomers,
        callers,
        shape: Shape {
            dying_at_delete: split.is_some(),
            insert_at_confirm: insert.is_none(),
        },
        degraded,
    })
}

fn hook(program: &'static str, symbol: &Symbol) -> Hook {
    Hook {
        program,
        symbol: symbol.name.clone(),
    }
}

fn required<'a>(kallsyms: &'a Kallsyms, function: &'static str) -> Result<&'a Symbol, HookError> {
    kallsyms
        .callable(function)
        .ok_or(HookError::Missing { function })
}

fn callers(kallsyms: &Kallsyms, degraded: &mut Vec<String>) -> Callers {
    let mut callers = Callers::default();
    let known = CALLERS.iter().flat_map(|&(function, cause)| {
        kallsyms
            .forms(function)
            .filter(|symbol| symbol.start != 0)
            .map(move |symbol| CallerRange {
                start: symbol.start,
                end: symbol.end,
                cause,
                pad: 0,
            })
    });
    let mut found = 0;
    for (range, known) in callers.ranges.iter_mut().zip(known) {
        *range = known;
        found += 1;
    }
    if found == 0 {
        degraded.push(
            "the kernel hides its addresses (kernel.kptr_restrict): evictions, resets and other early ends \
             cannot be told apart and are counted as other"
                .to_owned(),
        );
    }
    callers
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const DEBIAN_6_1: &str = "\
ffffffffc0a00000 t __nf_conntrack_hash_insert [nf_conntrack]
ffffffffc0a00100 t early_drop [nf_conntrack]
ffffffffc0a00200 t nf_ct_gc_expired [nf_conntrack]
ffffffffc0a00300 T nf_ct_delete [nf_conntrack]
ffffffffc0a00400 T nf_conntrack_free [nf_conntrack]
ffffffffc0a00500 t __nf_conntrack_alloc [nf_conntrack]
ffffffffc0a00600 T __nf_conntrack_confirm [nf_conntrack]
ffffffffc0a00700 T nf_conntrack_hash_check_insert [nf_conntrack]
ffffffffc0a00800 t nf_ct_resolve_clash [nf_conntrack]
ffffffffc0a00900 t gc_worker [nf_conntrack]
ffffffffc0a00a00 T nf_conntrack_in [nf_conntrack]
ffffffffc0a00c00 T nf_ct_l4proto_log_invalid [nf_conntrack]
ffffffffc0a00d00 T nf_l4proto_log_invalid [nf_conntrack]
";

    fn plan_of(text: &str) -> Result<Plan, HookError> {
        plan(&Kallsyms::parse(text, &FUNCTIONS))
    }

    fn without(symbol: &str) -> String {
        DEBIAN_6_1
            .lines()
            .filter(|line| !line.contains(&format!(" {symbol} ")))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    fn symbol<'a>(plan: &'a Plan, program: &str) -> Option<&'a str> {
        plan.hooks
            .iter()
            .find(|hook| hook.program == program)
            .map(|hook| hook.symbol.as_str())
    }

    #[test]
    fn inserts_are_hooked_where_both_paths_meet() {
        let plan = plan_of(DEBIAN_6_1).unwrap();
        assert_eq!(
            symbol(&plan, "hash_insert"),
            Some("__nf_conntrack_hash_insert")
        );
        assert_eq!(symbol(&plan, "confirm_exit"), None);
        assert_eq!(plan.on_failure.len(), 2);
        assert!(plan.degraded.is_empty());
    }

    #[test]
    fn without_that_symbol_the_callers_returns_tell() {
        let plan = plan_of(&without("__nf_conntrack_hash_insert")).unwrap();
        assert!(plan.shape.insert_at_confirm);
        assert_eq!(
            symbol(&plan, "confirm_exit"),
            Some("__nf_conntrack_confirm")
        );
        assert_eq!(
            symbol(&plan, "check_insert_exit"),
            Some("nf_conntrack_hash_check_insert")
        );
    }

    #[test]
    fn a_split_delete_is_hooked_where_it_is_called() {
        let text = format!("{DEBIAN_6_1}ffffffffc0a00b00 t nf_ct_delete.part.0 [nf_conntrack]\n");
        let plan = plan_of(&text).unwrap();
        assert!(plan.shape.dying_at_delete);
        assert_eq!(symbol(&plan, "delete"), Some("nf_ct_delete.part.0"));
    }

    #[test]
    fn a_missing_function_is_named() {
        for function in ["nf_conntrack_free", "nf_ct_delete", "early_drop"] {
            let error = plan_of(&without(function)).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("cannot attach to {function}:")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_kernel_without_conntrack_is_told_from_one_with_other_symbols() {
        assert!(matches!(plan_of("").unwrap_err(), HookError::NotLoaded));
    }

    #[test]
    fn the_rare_path_may_be_missing_but_that_is_said() {
        let plan = plan_of(&without("nf_ct_resolve_clash")).unwrap();
        assert_eq!(plan.degraded.len(), 1);
    }

    #[test]
    fn hidden_addresses_are_said() {
        let hidden: String = DEBIAN_6_1
            .lines()
            .map(|line| format!("0000000000000000{}\n", &line[16..]))
            .collect();
        let plan = plan_of(&hidden).unwrap();
        assert!(plan.degraded[0].contains("kptr_restrict"));
    }
}
