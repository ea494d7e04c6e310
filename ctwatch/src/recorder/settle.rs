//! Samples whose counters and tables belong together.

use std::{collections::HashMap, time::Instant};

use super::{namespaces::Namespaces, unix_ms};
use crate::{
    model::{
        counters::Counters,
        endpoint::Endpoint,
        sample::{Losses, Sample},
        table::Table,
    },
    source::kernel::{counters::Reading, probes::Probes},
};

/// Tries to find a moment in which nothing moves, before giving up on a busy node.
const TRIES: usize = 20;

/// Counters, then tables.
pub(super) fn once(probes: &mut Probes, namespaces: &mut Namespaces, started: Instant) -> Sample {
    let sum = Sum::new(probes.read());
    sum.into_sample(namespaces, started)
}

/// Counters and tables read so that nothing was inserted or ended in between, if such a moment comes soon: the
/// books open and close with such samples.
pub(super) fn sample(probes: &mut Probes, namespaces: &mut Namespaces, started: Instant) -> Sample {
    let mut sum = Sum::new(probes.read());
    for _ in 0..TRIES {
        let tables = namespaces.tables();
        let reading = probes.read();
        let quiet = reading.deltas.is_empty() && reading.unattributed.is_zero();
        sum.add(reading);
        if quiet {
            return sum.with_tables(tables, started);
        }
    }
    sum.into_sample(namespaces, started)
}

/// Readings added up.
struct Sum {
    deltas: HashMap<Endpoint, Counters>,
    unattributed: Counters,
    losses: Losses,
}

impl Sum {
    fn new(first: Reading) -> Self {
        Self {
            deltas: first.deltas.into_iter().collect(),
            unattributed: first.unattributed,
            losses: first.losses,
        }
    }

    fn add(&mut self, reading: Reading) {
        for (endpoint, counters) in reading.deltas {
            *self.deltas.entry(endpoint).or_default() += counters;
        }
        self.unattributed += reading.unattributed;
        self.losses += reading.losses;
    }

    fn into_sample(self, namespaces: &mut Namespaces, started: Instant) -> Sample {
        let tables = namespaces.tables();
        self.with_tables(tables, started)
    }

    fn with_tables(self, tables: Vec<Table>, started: Instant) -> Sample {
        Sample {
            at_ms: unix_ms(),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            deltas: self.deltas.into_iter().collect(),
            unattributed: self.unattributed,
            tables,
            losses: self.losses,
        }
    }
}
