//! A listener counts what comes and goes; the kernel's own figures and the packets it drops tell of the refused.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Attached, Namespaces, Outcome, Watch};
use crate::{
    analysis::refused::Attribution,
    model::{
        counters::Counters, dump::DumpKind, endpoint::Endpoint, lifetime::Lifetimes,
        reading::Reading, recording::Backend, table::Table, unobserved::Unobserved,
    },
    source::{
        keeper::Keeper,
        kernel::{error::AttachError, refusals::Refusals},
        netlink::{
            listener::{ListenError, Listener, Mode},
            opener::Opener,
        },
    },
};

/// Dumps that verify events take no more than one in this many of the time.
const VERIFYING: Pace = Pace {
    at_least: Duration::from_secs(10),
    one_in: 100,
};
/// Where dumps are all there is they take more, as long as the tables' fill moves: what comes and goes between two of
/// them is not seen.
const ALONE: Pace = Pace {
    at_least: Duration::from_secs(2),
    one_in: 20,
};

/// How often rounds of dumps begin.
#[derive(Clone, Copy, Debug)]
struct Pace {
    at_least: Duration,
    one_in: u32,
}

impl Pace {
    /// Whether a round is due, so long after the last began, which took so long.
    fn is_due(self, elapsed: Duration, took: Duration) -> bool {
        elapsed >= self.at_least && elapsed >= took * self.one_in
    }
}

/// A listener, and what stands beside it.
#[derive(Debug)]
pub(super) struct ByNetlink {
    listener: Listener,
    backend: Backend,
    keeper: Arc<Keeper>,
    /// Bytes of the maps of the program that tells what netfilter drops.
    refusals: Option<u64>,
    /// Packets that were dropped without an entry, not yet held against tables.
    dropped: Vec<(Endpoint, u64)>,
    attribution: Attribution,
    degraded: Vec<String>,
    /// Dumps that nobody has asked for yet.
    baseline: Vec<Outcome>,
    /// When the last round of dumps began, and how long its dumps took.
    began: Instant,
    took: Duration,
    /// Entries in each table at the last sample, and whether they moved since the last round began.
    counts: Vec<Option<u64>>,
    moved: bool,
    /// Refusals had to be shared out, which was said.
    shares: bool,
    /// Dropped packets were not read, which was said.
    unread: bool,
}

impl ByNetlink {
    /// Listens, and takes the baseline at once: until then nobody knows what was there before.
    pub(super) fn start(
        refusals: Result<Refusals, AttachError>,
        keeper: Arc<Keeper>,
        namespaces: &Namespaces,
    ) -> Result<Self, ListenError> {
        let opener: Arc<dyn Opener> = Arc::clone(&keeper) as _;
        let mut listener = Listener::start_by(opener, namespaces)?;
        let backend = match listener.mode() {
            Mode::Events => Backend::Netlink,
            Mode::Dumps => Backend::Dump,
        };
        let mut degraded = vec![cannot_show(backend).to_owned()];
        // The keeper reads what it counts.
        let refusals = match refusals {
            Ok(refusals) => Some(refusals.map_bytes()),
            Err(error) => {
                degraded.push(format!(
                    "whose the refused connections are is not known: {error}"
                ));
                None
            }
        };
        let began = Instant::now();
        listener.start_dumps(DumpKind::Baseline);
        let baseline = listener.wait_dumps();
        Ok(Self {
            listener,
            backend,
            keeper,
            refusals,
            dropped: Vec::new(),
            attribution: Attribution::default(),
            degraded,
            baseline,
            began,
            took: Duration::ZERO,
            counts: Vec::new(),
            moved: false,
            shares: false,
            unread: false,
        })
    }

    /// Notes how long dumps took.
    fn pay(&mut self, done: &[Outcome]) {
        let took_ms: u64 = done.iter().flatten().map(|dump| dump.took_ms).sum();
        self.took += Duration::from_millis(took_ms);
    }

    /// Adds whose the refused connections were.
    fn attribute(&mut self, tables: &[Table], reading: &mut Reading) {
        if tables.is_empty() {
            return;
        }
        let dropped = std::mem::take(&mut self.dropped);
        let dropped = self.refusals.is_some().then_some(dropped.as_slice());
        let attributed = self.attribution.attribute(tables, dropped);
        let refused = |refused| Counters {
            refused,
            ..Counters::default()
        };
        let by_endpoint = attributed.refused.into_iter();
        reading.merge(
            by_endpoint
                .map(|(endpoint, packets)| (endpoint, refused(packets)))
                .collect(),
        );
        reading.unattributed += refused(attributed.unattributed);
        reading.losses.refused_unattributed += attributed.unattributed;
        if attributed.shared > 0 && !self.shares {
            self.shares = true;
            self.degraded.push(format!(
                "rules drop packets that have no entry, as a full table does: where there were more of them than \
                 connections refused, these were shared out among their ports (the first time {} packets, {} refused)",
                attributed.candidates, attributed.shared
            ));
        }
    }
}

/// What a backend leaves untold, in words.
fn cannot_show(backend: Backend) -> &'static str {
    match backend {
        Backend::Dump => {
            "dumps show neither what comes and goes between two of them nor why an entry ended"
        }
        _ => {
            "netlink events show neither inserts that failed nor clashes that were merged nor entries evicted in the \
             background"
        }
    }
}

impl Watch for ByNetlink {
    fn backend(&self) -> Backend {
        self.backend
    }

    fn unobserved(&self) -> Unobserved {
        Unobserved::of(self.backend, self.refusals.is_some())
    }

    fn attached(&self) -> Attached {
        let mut attached = Attached::default();
        if self.listener.mode() == Mode::Events {
            attached.add("listener", "ctnetlink events");
        }
        attached.add("dumps", "ctnetlink");
        if let Some(map_bytes) = self.refusals {
            attached.add("kfree_skb", "tracepoint kfree_skb");
            attached.map_bytes = map_bytes;
        }
        attached
    }

    fn started(&self) -> Instant {
        self.listener.started()
    }

    fn degraded(&self) -> Vec<String> {
        [self.degraded.clone(), self.listener.degraded()].concat()
    }

    /// A packet is dropped after the kernel counted it: read in this order, none is seen before it is counted.
    fn before_tables(&mut self) {
        if self.refusals.is_none() {
            return;
        }
        let Ok(dropped) = self.keeper.dropped() else {
            return;
        };
        self.dropped.extend(dropped.packets);
        if dropped.lost > 0 && !self.unread {
            self.unread = true;
            self.degraded.push(format!(
                "packets were dropped whose port could not be told, for want of room or because it was out of reach (the \
                 first time {}): those that were refused count under no port",
                dropped.lost
            ));
        }
    }

    fn read(&mut self, tables: &[Table]) -> Reading {
        let counts: Vec<_> = tables.iter().map(|table| table.count).collect();
        self.moved |= counts != self.counts;
        self.counts = counts;
        let mut reading = self.listener.read(tables);
        if self.backend == Backend::Dump {
            reading.losses.events_lost = None;
        }
        self.attribute(tables, &mut reading);
        reading
    }

    fn lifetimes(&mut self) -> Vec<(Endpoint, Lifetimes)> {
        self.listener.lifetimes()
    }

    fn update(&mut self, now: Namespaces) {
        self.listener.update(now);
    }

    /// The listener knows the namespaces.
    fn start_dumps(&mut self, _namespaces: Namespaces, kind: DumpKind) -> io::Result<()> {
        // It was taken at the start.
        if kind != DumpKind::Baseline {
            self.listener.start_dumps(kind);
            (self.began, self.took) = (Instant::now(), Duration::ZERO);
            self.moved = false;
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let pace = match self.listener.mode() {
            Mode::Dumps if self.moved => ALONE,
            Mode::Events | Mode::Dumps => VERIFYING,
        };
        !self.listener.is_dumping() && pace.is_due(self.began.elapsed(), self.took)
    }

    fn dumps(&mut self) -> Vec<Outcome> {
        let mut done = std::mem::take(&mut self.baseline);
        done.extend(self.listener.dumps());
        self.pay(&done);
        done
    }

    fn wait_dumps(&mut self) -> Vec<Outcome> {
        let mut done = self.dumps();
        done.extend(self.listener.wait_dumps());
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_come_oftener_where_they_are_all_there_is_and_never_without_a_pause() {
        let seconds = Duration::from_secs;
        assert!(!VERIFYING.is_due(seconds(9), Duration::ZERO));
        assert!(VERIFYING.is_due(seconds(10), Duration::from_millis(100)));
        assert!(!VERIFYING.is_due(seconds(299), seconds(3)));
        assert!(ALONE.is_due(seconds(2), Duration::from_millis(100)));
        assert!(!ALONE.is_due(seconds(59), seconds(3)));
        assert!(ALONE.is_due(seconds(60), seconds(3)));
    }
}
