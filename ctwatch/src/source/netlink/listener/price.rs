//! What reading events costs, and when that is too much.
//!
//! The thread's own share of a core stands for more: the kernel makes each message on the way of the packet that
//! begins or ends the connection, in every namespace, and that costs a new flow more than it costs to read it.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Averaged over at least this long.
const WINDOW: Duration = Duration::from_secs(10);
/// Of a core. One that reads events for a quarter of its time gets some sixty thousand of them in a second, and the
/// kernel took several times as long to make them: a node that begins and ends so many connections needs its
/// processors for them. What dumps cost is not in it.
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

    /// One that was opened so long ago and has used so much.
    #[cfg(test)]
    pub(super) fn of(used: Duration, elapsed: Duration) -> Self {
        Self {
            since: Instant::now() - elapsed,
            used,
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
        let used = std::mem::replace(self, Self::new()).used;
        too_high(used, elapsed)
    }
}

fn too_high(used: Duration, elapsed: Duration) -> Option<f64> {
    let share = used.as_secs_f64() / elapsed.as_secs_f64();
    (share > AT_MOST).then_some(share)
}

/// CPU time of this thread; where the kernel does not tell, it counts as none.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_a_core_is_not_too_much_and_more_is() {
        let seconds = Duration::from_secs;
        assert_eq!(too_high(seconds(5), seconds(20)), None);
        assert_eq!(too_high(seconds(6), seconds(20)), Some(0.3));
        assert_eq!(too_high(Duration::ZERO, seconds(20)), None);
    }

    #[test]
    fn what_work_costs_is_added_up_until_a_window_is_over() {
        let mut price = Price::new();
        let sum: u64 = price.pay(|| (0..2_000_000_u64).map(std::hint::black_box).sum());
        assert_eq!(sum, 1_999_999_000_000);
        assert!(price.used > Duration::ZERO);
        assert_eq!(price.is_too_high(), None);
        price = Price::of(price.used + WINDOW, WINDOW);
        assert!(price.is_too_high().is_some_and(|share| share > 0.9));
        assert_eq!(price.used, Duration::ZERO, "a new window");
    }
}
