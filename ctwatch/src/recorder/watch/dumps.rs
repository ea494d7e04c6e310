//! Dumps beside the samples: on a thread of their own, as often as one per cent of a core allows, all that this
//! process and its keeper do between two of them included.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use super::{Namespaces, Outcome};
use crate::{
    model::dump::DumpKind,
    source::{keeper::Keeper, netlink},
};

/// The part of a core that may be used from the start of one round to the start of the next: one in this many. A little
/// less than one per cent, for the round that begins then is paid for afterwards.
const SHARE: u32 = 110;
/// No sooner than this.
const AT_LEAST: Duration = Duration::from_secs(10);

/// The round of dumps under way, if any, and when the last one began.
#[derive(Debug)]
pub(super) struct Dumps {
    keeper: Arc<Keeper>,
    round: Option<Receiver<Outcome>>,
    began: Option<Began>,
}

/// When a round began, and the CPU time that both processes had used then.
#[derive(Clone, Copy, Debug)]
struct Began {
    at: Instant,
    cpu: Duration,
}

impl Dumps {
    pub(super) fn new(keeper: Arc<Keeper>) -> Self {
        Self {
            keeper,
            round: None,
            began: None,
        }
    }

    /// Dumps these namespaces, one after the other.
    pub(super) fn start(&mut self, namespaces: Namespaces, kind: DumpKind) -> io::Result<()> {
        // Before the thread has used any.
        let began = Began {
            at: Instant::now(),
            cpu: self.cpu_time(),
        };
        let (sender, receiver) = channel();
        let opener = Arc::clone(&self.keeper);
        thread::Builder::new().name("dump".into()).spawn(move || {
            for (seen, addresses) in namespaces {
                let outcome = netlink::dump_by(&*opener, &seen, addresses.as_deref(), kind)
                    .map_err(|error| format!("no dump of {seen}: {error}"));
                if sender.send(outcome).is_err() {
                    break;
                }
            }
        })?;
        self.round = Some(receiver);
        self.began = Some(began);
        Ok(())
    }

    /// Whether the next round should begin.
    pub(super) fn is_due(&self) -> bool {
        let Some(began) = self.began else { return true };
        self.round.is_none()
            && is_affordable(
                began.at.elapsed(),
                self.cpu_time().saturating_sub(began.cpu),
            )
    }

    /// CPU time of both processes; what the kernel does not tell counts as none.
    fn cpu_time(&self) -> Duration {
        let own = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
        own.map_or(Duration::ZERO, Duration::from) + self.keeper.cpu_time()
    }

    /// Dumps that have come in.
    pub(super) fn finished(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(receiver) = &self.round {
            match receiver.try_recv() {
                Ok(outcome) => outcomes.push(outcome),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.round = None;
                }
            }
        }
        outcomes
    }

    /// The rest of the round under way, waited for.
    pub(super) fn wait(&mut self) -> Vec<Outcome> {
        self.round
            .take()
            .map(|receiver| receiver.into_iter().collect())
            .unwrap_or_default()
    }
}

/// Whether another round may begin, so long after the last began and with so much CPU time used since.
fn is_affordable(elapsed: Duration, used: Duration) -> bool {
    elapsed >= AT_LEAST && elapsed >= used * SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_waits_until_it_has_been_paid_for() {
        let seconds = Duration::from_secs;
        assert!(!is_affordable(seconds(9), Duration::ZERO), "too soon");
        assert!(is_affordable(seconds(10), Duration::from_millis(90)));
        assert!(
            !is_affordable(seconds(219), seconds(2)),
            "two seconds of work take 220"
        );
        assert!(is_affordable(seconds(220), seconds(2)));
    }
}
