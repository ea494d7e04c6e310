//! CPU time: in the laboratory with `--icount`, one nanosecond is one instruction of the guest.

use std::{fs, time::Instant};

use anyhow::{Context as _, Result};
use nix::{
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// Whose time a piece of work takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meter {
    /// This process's. Softirqs that run on its back count, other processes and kernel threads do not.
    Process,
    /// Everybody's but that of this process, which reads what the work makes. Where it is woken again and again,
    /// softirqs run on its back, too, and in ksoftirqd. Only where one processor never idles meanwhile.
    AllBut(Pid),
}

impl Meter {
    /// In nanoseconds.
    pub(crate) fn ns(self, work: impl FnOnce() -> Result<()>) -> Result<u64> {
        match self {
            Self::Process => {
                let before = of_process(Pid::this())?;
                work()?;
                Ok(of_process(Pid::this())? - before)
            }
            Self::AllBut(reader) => {
                let (began, before) = (Instant::now(), of_family(reader)?);
                work()?;
                let read = of_family(reader)? - before;
                Ok((began.elapsed().as_nanos() as u64).saturating_sub(read))
            }
        }
    }
}

/// The same of a process and of its children that have not ended, which may do part of its work.
pub(crate) fn of_family(pid: Pid) -> Result<u64> {
    let threads = format!("/proc/{pid}/task");
    let mut sum = of_process(pid)?;
    for thread in fs::read_dir(&threads).with_context(|| format!("cannot read {threads}"))? {
        // A thread that has ended has no children any more.
        let children = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            sum += of_process(Pid::from_raw(child.parse()?))?;
        }
    }
    Ok(sum)
}

/// User and system time of a process so far, its ended threads included, in nanoseconds.
pub(crate) fn of_process(pid: Pid) -> Result<u64> {
    let time = clock_gettime(ClockId::pid_cpu_clock_id(pid)?)?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}
