//! Time that goes on while the machine sleeps, and that nobody sets.

use std::{fs, time::Duration};

use nix::time::{ClockId, clock_gettime};

/// Since the machine began (`CLOCK_BOOTTIME`).
#[must_use]
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// Which of the machine's lives this is; empty where the kernel does not tell.
#[must_use]
pub fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| String::new(), |id| id.trim().to_owned())
}
