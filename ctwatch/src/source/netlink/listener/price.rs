//! What reading events costs, and when that is too much.
//!
//! The thread's own share of a core stands for more: the kernel makes each message on the way of the packet that
//! begins or ends the connection, in every namespace, and that costs a new flow more than it costs to read it.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Averaged over at least this long.
const WINDOW: Duration = Duration::from_secs(10);
/// Of a core. One that reads events for a quarter of its time gets some hundred thousand of them in a second: a node
/// that begins and ends so many connections needs its processors for them. Dumps cost what they cost on any node.
const AT_MOST: f64 = 0.25;

/// Adds up.
#[derive(Debug)]
pub(super) struct Price {
    since: Instant,
    used: Duration,
}

impl Price {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            used: Duration::ZERO,
        }
    }

    /// Does work and adds what it costs.
    pub(super) fn pay<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = cpu_time();
        let done = work();
        self.used += cpu_time().saturating_sub(before);
        done
    }

    /// The share of a core that was used, where it is too much; looks once in a window.
    pub(super) fn is_too_high(&mut self) -> Option<f64> {
        let elapsed = self.since.elapsed();
        if elapsed < WINDOW {
            return None;
        }
        let share = self.used.as_secs_f64() / elapsed.as_secs_f64();
        *self = Self::new();
        (share > AT_MOST).then_some(share)
    }
}

/// CPU time of this thread; where the kernel does not tell, it counts as none.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
