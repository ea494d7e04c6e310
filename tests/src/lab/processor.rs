//! Threads that stay on one processor each and do something at the same moment.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

/// Keeps the calling thread on a processor.
pub(crate) fn stay_on(processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &set)
        .with_context(|| format!("cannot stay on processor {processor}"))
}

/// Does `work` on processors 0 and 1 at once, in the caller's namespace.
pub(crate) fn on_both(work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let work = &work;
    thread::scope(|scope| {
        let threads = [0, 1].map(|processor| {
            scope.spawn(move || {
                stay_on(processor)?;
                work(processor)
            })
        });
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
}

/// Where two threads wait for each other without going to sleep.
#[derive(Default)]
pub(crate) struct Meeting(AtomicUsize);

impl Meeting {
    /// Returns when both have come for the `round`th time, counted from 0.
    pub(crate) fn wait(&self, round: usize) {
        self.0.fetch_add(1, Ordering::SeqCst);
        while self.0.load(Ordering::SeqCst) < 2 * (round + 1) {
            std::hint::spin_loop();
        }
    }
}
