//! CPU time: in the laboratory with `--icount`, one nanosecond is one instruction of the guest.

use anyhow::Result;
use nix::{
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// What a piece of work takes of this process's CPU time, in nanoseconds. Softirqs that run on its back count, other
/// processes and kernel threads do not.
pub(crate) fn cpu_ns(work: impl FnOnce() -> Result<()>) -> Result<u64> {
    let before = of_process(Pid::this())?;
    work()?;
    Ok(of_process(Pid::this())? - before)
}

/// User and system time of a process so far, its ended threads included, in nanoseconds.
pub(crate) fn of_process(pid: Pid) -> Result<u64> {
    let time = clock_gettime(ClockId::pid_cpu_clock_id(pid)?)?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
