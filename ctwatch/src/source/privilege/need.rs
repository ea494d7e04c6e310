//! Capabilities that watching needs, and what a user who lacks one is told.

use std::{env, fs, path::PathBuf};

use caps::{CapSet, Capability};
use thiserror::Error;

/// What a way of watching needs, and what it does better with.
#[derive(Clone, Copy, Debug)]
pub struct Watching {
    /// What cannot be done without.
    purpose: &'static str,
    required: &'static [Capability],
    useful: &'static [Capability],
}

/// Loading and attaching kernel programs, since Linux 5.8. The kernel hides its addresses without `CAP_SYSLOG`, and
/// other network namespaces cannot be entered without the other two.
pub const PROBES: Watching = Watching {
    purpose: "watch conntrack",
    required: &[
        Capability::CAP_BPF,
        Capability::CAP_PERFMON,
        Capability::CAP_NET_ADMIN,
    ],
    useful: &[
        Capability::CAP_NET_RAW,
        Capability::CAP_SYSLOG,
        Capability::CAP_SYS_ADMIN,
        Capability::CAP_SYS_PTRACE,
    ],
};

/// Listening to ctnetlink and dumping tables. Refused connections are told by a kernel program, which needs the first
/// two of the rest.
pub const NETLINK: Watching = Watching {
    purpose: "watch conntrack",
    required: &[Capability::CAP_NET_ADMIN],
    useful: &[
        Capability::CAP_BPF,
        Capability::CAP_PERFMON,
        Capability::CAP_NET_RAW,
        Capability::CAP_SYS_ADMIN,
        Capability::CAP_SYS_PTRACE,
    ],
};

/// Dumping the own namespace's table and reading its rulesets.
pub const TABLE: Watching = Watching {
    purpose: "read the table",
    required: &[Capability::CAP_NET_ADMIN],
    useful: &[Capability::CAP_NET_RAW, Capability::CAP_SYS_PTRACE],
};

/// The kernel program that tells refused connections beside netlink. Kernels before 5.18 give no drop reason, and hide
/// their addresses, which stand in for it, without `CAP_SYSLOG`.
pub const REFUSALS: Watching = Watching {
    purpose: "tell whose packets are refused",
    required: &[Capability::CAP_BPF, Capability::CAP_PERFMON],
    useful: &[
        Capability::CAP_NET_ADMIN,
        Capability::CAP_NET_RAW,
        Capability::CAP_SYSLOG,
        Capability::CAP_SYS_ADMIN,
        Capability::CAP_SYS_PTRACE,
    ],
};

/// Changing rules and entries. The legacy iptables asks through a raw socket.
pub const APPLYING: Watching = Watching {
    purpose: "change or prove the node's rules",
    required: &[Capability::CAP_NET_ADMIN],
    useful: &[Capability::CAP_NET_RAW, Capability::CAP_SYS_ADMIN],
};

/// What is missing.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("cannot {purpose}: {missing} missing ({remedy})")]
pub struct Missing {
    /// What cannot be done.
    purpose: &'static str,
    /// Names, separated by commas.
    missing: String,
    /// The next step.
    remedy: String,
}

/// Checks the capabilities that are or can be made effective. `CAP_SYS_ADMIN` stands for `CAP_BPF` and `CAP_PERFMON`,
/// as in the kernel.
///
/// # Errors
///
/// [`Missing`] names every one that is not there.
pub fn check(watching: &Watching) -> Result<(), Missing> {
    let missing = missing(watching, has);
    if missing.is_empty() {
        return Ok(());
    }
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("ctwatch"));
    Err(Missing {
        purpose: watching.purpose,
        missing: names(&missing).join(", "),
        remedy: remedy(
            watching,
            &program.to_string_lossy(),
            &arguments(),
            may_gain(),
        ),
    })
}

/// Whether other network namespaces can be entered.
#[must_use]
pub fn may_enter_namespaces() -> bool {
    has(Capability::CAP_SYS_ADMIN)
}

/// Where the kernel does not tell, its own refusal will.
fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Permitted, capability).unwrap_or(true)
}

fn missing(watching: &Watching, has: impl Fn(Capability) -> bool) -> Vec<Capability> {
    let stands_in = |capability| {
        matches!(capability, Capability::CAP_BPF | Capability::CAP_PERFMON)
            && has(Capability::CAP_SYS_ADMIN)
    };
    let required = watching.required.iter().copied();
    required
        .filter(|&capability| !has(capability) && !stands_in(capability))
        .collect()
}

fn names(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}

/// Whether running a program can give this process more than it has: not with `no_new_privs`, which containers and
/// service managers set.
fn may_gain() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    !status.lines().any(|line| line == "NoNewPrivs:\t1")
}

/// Those of this process, as a shell takes them.
fn arguments() -> String {
    let words = env::args_os().skip(1);
    let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    words.join(" ")
}

fn remedy(watching: &Watching, program: &str, arguments: &str, may_gain: bool) -> String {
    if !may_gain {
        return "no_new_privs is set here, so that neither sudo nor file capabilities have an effect: whoever starts \
                this process must pass them on, as AmbientCapabilities= of systemd does"
            .to_owned();
    }
    let all = [watching.required, watching.useful].concat();
    let set = names(&all).join(",").to_lowercase();
    let program = quoted(program);
    format!("run sudo {program} {arguments}, or once: sudo setcap {set}+ep {program}")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacking(watching: &Watching, held: &[Capability]) -> Vec<String> {
        names(&missing(watching, |capability| held.contains(&capability)))
    }

    #[test]
    fn an_ordinary_user_is_told_all_that_is_missing() {
        assert_eq!(
            lacking(&PROBES, &[]),
            ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]
        );
        assert_eq!(lacking(&NETLINK, &[]), ["CAP_NET_ADMIN"]);
        assert_eq!(lacking(&REFUSALS, &[]), ["CAP_BPF", "CAP_PERFMON"]);
    }

    #[test]
    fn what_is_required_suffices_and_sys_admin_stands_for_two() {
        use Capability::{CAP_NET_ADMIN, CAP_SYS_ADMIN};
        assert!(lacking(&PROBES, PROBES.required).is_empty());
        assert!(lacking(&PROBES, &[CAP_SYS_ADMIN, CAP_NET_ADMIN]).is_empty());
        assert_eq!(lacking(&PROBES, &[CAP_SYS_ADMIN]), ["CAP_NET_ADMIN"]);
        assert!(lacking(&NETLINK, NETLINK.required).is_empty());
        assert_eq!(lacking(&NETLINK, &[CAP_SYS_ADMIN]), ["CAP_NET_ADMIN"]);
    }

    #[test]
    fn the_next_step_can_be_pasted() {
        assert_eq!(
            remedy(&NETLINK, "/usr/local/bin/ctwatch", "drops -d 5s", true),
            "run sudo /usr/local/bin/ctwatch drops -d 5s, or once: sudo setcap cap_net_admin,cap_bpf,cap_perfmon,\
             cap_net_raw,cap_sys_admin,cap_sys_ptrace+ep /usr/local/bin/ctwatch"
        );
        assert!(
            remedy(&PROBES, "/home/o'hara/ct watch", "record", true)
                .ends_with(r"'/home/o'\''hara/ct watch'")
        );
        assert!(remedy(&PROBES, "/bin/ctwatch", "record", false).contains("AmbientCapabilities="));
    }
}
