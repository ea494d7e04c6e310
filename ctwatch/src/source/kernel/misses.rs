//! Probe hits that the kernel skipped, as it tells of them in /proc/self/fdinfo: no `bpf()` call is needed.

use std::{
    fs,
    os::fd::{AsRawFd as _, BorrowedFd},
};

/// Linux counts skipped kprobe programs since 6.7 (`trace_call_bpf`); before, the figure is always 0 and says
/// nothing.
const COUNTED_SINCE: (u32, u32) = (6, 7);

/// Hits skipped so far, over all programs and links of this process; `None` where this kernel does not count
/// them.
pub(super) fn read(kernel: &str) -> Option<u64> {
    if version(kernel)? < COUNTED_SINCE {
        return None;
    }
    let entries = fs::read_dir("/proc/self/fdinfo").ok()?;
    let infos = entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok());
    Some(infos.map(|info| skipped(&info)).sum())
}

/// Runs of a program that the kernel skipped; `None` where it does not count them.
pub(super) fn of(program: BorrowedFd<'_>) -> Option<u64> {
    let fd = program.as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    info.contains("recursion_misses:").then(|| skipped(&info))
}

/// `recursion_misses` of a program, `missed` of a link.
fn skipped(info: &str) -> u64 {
    info.lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| matches!(*name, "recursion_misses" | "missed"))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .sum()
}

/// Major and minor number of a kernel release.
fn version(kernel: &str) -> Option<(u32, u32)> {
    let mut numbers = kernel.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_hits_of_a_program_are_found() {
        let info = "pos:\t0\nprog_type:\t2\nrun_cnt:\t0\nrecursion_misses:\t41\nmissed:\t1\n";
        assert_eq!(skipped(info), 42);
        assert_eq!(skipped("pos:\t0\nflags:\t02\n"), 0);
    }

    #[test]
    fn old_kernels_do_not_tell() {
        assert_eq!(read("6.1.0-40-cloud-amd64"), None);
        assert_eq!(version("6.12.48+deb13-cloud-amd64"), Some((6, 12)));
        assert_eq!(version("odd"), None);
    }
}
