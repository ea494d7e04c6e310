//! The loop of `drops`: events one by one as they come; tables and books are kept beside them, nothing is recorded.
//!
//! While tables have room it hooks what a recording hooks, and costs no more. What tells a refused connection's zone
//! costs each new flow, and is attached when a table fills up; what tells inserts that failed other than by a clash,
//! when the kernel counts one.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

use super::{
    Error,
    watch::{self, Attached, Source},
    watching::Watching,
};
use crate::{
    analysis::drops::{Explained, Fill, Watched},
    model::{
        counters::Counters,
        endpoint::Netns,
        event::{Event, Wanted},
        node::Node,
        sample::Sample,
    },
    source::kernel::PACKET_PATIENCE,
};

/// Time between two looks at the tables.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// So many events a second each processor may send: what a terminal or a pipe takes.
const PER_SECOND: u32 = 10_000;

/// From this fill on, refusals are told in full from the first one.
const FILLS_UP: f64 = 0.8;

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What to watch by.
    pub source: Source,
    /// Only this network namespace: inode number, or name under /run/netns.
    pub netns: Option<String>,
    /// Only this destination port, of the connection or of whoever is told beside it.
    pub port: Option<u16>,
    /// With the beginnings of packets.
    pub packets: bool,
    /// Invalid packets, too.
    pub invalid: bool,
}

/// Events under way.
#[derive(Debug)]
pub struct Drops {
    watching: Watching,
    /// Whether events come with their packets.
    packets: bool,
    kernel: String,
    fills: HashMap<Netns, Fill>,
    /// Whether newcomers tell all there is of them.
    in_full: bool,
    counted: Counters,
    sampled: Instant,
}

impl Drops {
    /// Reads the node and begins to watch. `check` says whether what is to be written can be.
    ///
    /// # Errors
    ///
    /// Those of `check`, and [`Error`]: among them that there is no such namespace, or that only netlink can be had.
    pub fn start<E: From<Error>>(
        settings: &Settings,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<Self, E> {
        let (watching, node) = Watching::start(check, |node| {
            let wanted = wanted(settings, node)?;
            let ready = watch::attach_probes(settings.source, &wanted, node);
            Ok(ready.map_err(Error::from)?)
        })?;
        let mut drops = Self {
            watching,
            packets: settings.packets,
            kernel: node.kernel,
            fills: HashMap::new(),
            in_full: false,
            counted: Counters::default(),
            sampled: Instant::now(),
        };
        let sample = drops.watching.settled_sample();
        drops.keep(&sample)?;
        Ok(drops)
    }

    /// Looks at tables and namespaces once a second; to be called oftener than that.
    ///
    /// # Errors
    ///
    /// When the process that keeps the capabilities is gone.
    pub fn keep_up(&mut self) -> Result<(), Error> {
        if self.sampled.elapsed() < SAMPLE_EVERY {
            return Ok(());
        }
        self.sampled = Instant::now();
        self.watching.refresh();
        let sample = self.watching.sample();
        self.keep(&sample)
    }

    /// Events since the last call.
    pub fn events(&mut self) -> Vec<Explained> {
        let events = self.watching.watch.events();
        events
            .into_iter()
            .map(|event| self.explain(event))
            .collect()
    }

    /// Closes the books; with the events that came since the last call.
    ///
    /// # Errors
    ///
    /// When the process that keeps the capabilities is gone.
    pub fn finish(mut self) -> Result<(Vec<Explained>, Watched), Error> {
        let sample = self.watching.settled_sample();
        self.keep(&sample)?;
        let mut events = self.events();
        if self.packets {
            // The last of them may wait for theirs.
            thread::sleep(PACKET_PATIENCE);
            events.extend(self.events());
        }
        let watched = Watched {
            backend: self.watching.watch.backend(),
            elapsed: self.watching.started().elapsed(),
            counted: self.counted,
            ledger: self.watching.ledger(),
            degraded: self.watching.degraded(),
        };
        Ok((events, watched))
    }

    /// What sits where.
    #[must_use]
    pub fn attached(&self) -> Attached {
        self.watching.attached()
    }

    /// `uname -r`
    #[must_use]
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    fn keep(&mut self, sample: &Sample) -> Result<(), Error> {
        for counters in sample.all() {
            self.counted += *counters;
        }
        let fills = sample.tables.iter();
        self.fills = fills
            .filter_map(|table| Some((table.netns, Fill::of(table)?)))
            .collect();
        let mut shares = self.fills.values().filter_map(|fill| fill.share());
        if !self.in_full && shares.any(|share| share >= FILLS_UP) {
            self.in_full = true;
            self.watching.watch_newcomers()?;
        }
        self.watching.heed(sample).map(drop)
    }

    fn explain(&self, event: Event) -> Explained {
        let netns = event.endpoint.netns;
        let name = self.watching.namespaces.name(netns);
        Explained::new(event, name, self.fills.get(&netns).copied())
    }
}

fn wanted(settings: &Settings, node: &Node) -> Result<Wanted, Error> {
    let netns = settings.netns.as_ref().map(|text| {
        let found = node.find_netns(text);
        found.ok_or_else(|| Error::Netns {
            wanted: text.clone(),
        })
    });
    Ok(Wanted {
        per_second: PER_SECOND,
        packets: settings.packets,
        invalid: settings.invalid,
        netns: netns.transpose()?.map(|netns| netns.inode),
        port: settings.port,
    })
}
