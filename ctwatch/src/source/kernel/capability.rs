//! What this process may do, from /proc/self/status.

use std::fs;

use thiserror::Error;

/// Capabilities that loading and attaching needs since Linux 5.8, with their bits.
const NEEDED: [(&str, u32); 3] = [("CAP_BPF", 39), ("CAP_PERFMON", 38), ("CAP_NET_ADMIN", 12)];
const CAP_SYS_ADMIN: u32 = 21;

/// What is missing.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "cannot watch conntrack: {missing} missing (run it with sudo, or once: sudo setcap cap_bpf,cap_perfmon,cap_net_admin,cap_sys_admin,cap_syslog+ep \"$(command -v ctwatch)\")"
)]
pub struct Missing {
    /// Names, separated by commas.
    missing: String,
}

/// Checks the effective capabilities. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as in the kernel.
///
/// # Errors
///
/// [`Missing`] names every one that is not there.
pub fn check() -> Result<(), Missing> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).map_or(Ok(()), check_set)
}

/// Whether other network namespaces can be entered.
#[must_use]
pub fn may_enter_namespaces() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).is_some_and(|set| has(set, CAP_SYS_ADMIN))
}

fn check_set(set: u64) -> Result<(), Missing> {
    let missing: Vec<_> = NEEDED
        .iter()
        .filter(|&&(name, bit)| {
            !(has(set, bit) || name != "CAP_NET_ADMIN" && has(set, CAP_SYS_ADMIN))
        })
        .map(|&(name, _)| name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Missing {
        missing: missing.join(", "),
    })
}

fn has(set: u64, bit: u32) -> bool {
    set >> bit & 1 == 1
}

fn effective(status: &str) -> Option<u64> {
    let hex = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(hex.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn an_ordinary_user_is_told_all_three() {
        let set = effective("Name:\tctwatch\nCapEff:\t0000000000000000\n").unwrap();
        let error = check_set(set).unwrap_err().to_string();
        assert!(
            error.contains("CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing"),
            "{error}"
        );
    }

    #[test]
    fn the_three_suffice_and_so_does_sys_admin_for_two_of_them() {
        assert_eq!(check_set(1 << 39 | 1 << 38 | 1 << 12), Ok(()));
        assert_eq!(check_set(1 << CAP_SYS_ADMIN | 1 << 12), Ok(()));
        let error = check_set(1 << CAP_SYS_ADMIN).unwrap_err();
        assert_eq!(error.missing, "CAP_NET_ADMIN");
    }
}
