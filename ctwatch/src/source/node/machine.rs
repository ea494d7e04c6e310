//! Host name, kernel, processors, tick rate.

use std::fs;

use nix::time::{ClockId, clock_getres};

/// One value in a file below /proc or /sys, with the kernel's reason in words where it cannot be read.
pub(super) fn value(path: &str) -> Result<String, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

/// CPUs the kernel can ever bring up; per-CPU figures are for these.
pub(super) fn possible_cpus() -> Result<u32, String> {
    const POSSIBLE: &str = "/sys/devices/system/cpu/possible";
    let list = value(POSSIBLE)?;
    cpus(&list).ok_or_else(|| format!("{POSSIBLE}: {list:?} is no list of CPUs"))
}

/// How many CPUs a list such as `0-3,8` holds.
fn cpus(list: &str) -> Option<u32> {
    list.split(',').try_fold(0_u32, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Ticks a second. The resolution of a coarse clock is one tick (`posix_get_coarse_res`), so there is no need for
/// the kernel's configuration, which many nodes do not have at hand, nor for measuring.
pub(super) fn hz() -> Result<u32, String> {
    let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)
        .map_err(|errno| format!("clock_getres(CLOCK_MONOTONIC_COARSE): {errno}"))?;
    let nanoseconds = match tick.tv_sec() {
        0 => tick.tv_nsec(),
        _ => 0,
    };
    ticks_a_second(nanoseconds).ok_or_else(|| format!("a tick of {nanoseconds} ns is none"))
}

/// Kernels have 24 (the least any architecture offers) to 1200 ticks a second, and round the tick to nanoseconds.
fn ticks_a_second(nanoseconds: i64) -> Option<u32> {
    if nanoseconds <= 0 {
        return None;
    }
    let hz = u32::try_from((1_000_000_000 + nanoseconds / 2) / nanoseconds).ok()?;
    (24..=1_200).contains(&hz).then_some(hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        for (list, count) in [("0", 1), ("0-1", 2), ("0-3,8,10-11", 7)] {
            assert_eq!(cpus(list), Some(count), "{list}");
        }
        for list in ["", "a", "3-1", "0-4294967295", "0-"] {
            assert_eq!(cpus(list), None, "{list}");
        }
    }

    #[test]
    fn tick_rates_of_common_kernels() {
        let ticks = [
            (10_000_000, 100),
            (4_000_000, 250),
            (3_333_333, 300),
            (1_000_000, 1_000),
        ];
        for (nanoseconds, hz) in ticks {
            assert_eq!(ticks_a_second(nanoseconds), Some(hz));
        }
        for nanoseconds in [i64::MIN, 0, 1, i64::MAX] {
            assert_eq!(ticks_a_second(nanoseconds), None);
        }
    }
}
