//! Samples whose counters and tables belong together.

use std::time::Instant;

use jiff::Timestamp;

use super::{namespaces::Namespaces, watch::Watch};
use crate::model::{reading::Reading, sample::Sample, table::Table};

/// Tries to find a moment in which nothing moves, before giving up on a busy node.
const TRIES: usize = 20;

/// Tables, then counters.
pub(super) fn once(watch: &mut dyn Watch, namespaces: &mut Namespaces, started: Instant) -> Sample {
    let (tables, reading) = look(watch, namespaces);
    into_sample(reading, tables, started)
}

/// Counters and tables read so that nothing was inserted or ended in between, if such a moment comes soon: the
/// books open and close with such samples.
pub(super) fn sample(
    watch: &mut dyn Watch,
    namespaces: &mut Namespaces,
    started: Instant,
) -> Sample {
    let (mut tables, mut sum) = look(watch, namespaces);
    for _ in 0..TRIES {
        let (now, reading) = look(watch, namespaces);
        tables = now;
        let quiet = reading.is_quiet();
        sum += reading;
        if quiet {
            break;
        }
    }
    into_sample(sum, tables, started)
}

fn look(watch: &mut dyn Watch, namespaces: &mut Namespaces) -> (Vec<Table>, Reading) {
    watch.before_tables();
    let tables = namespaces.tables();
    let reading = watch.read(&tables);
    (tables, reading)
}

fn into_sample(reading: Reading, tables: Vec<Table>, started: Instant) -> Sample {
    Sample {
        at_ms: Timestamp::now().as_millisecond(),
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        deltas: reading.deltas,
        unattributed: reading.unattributed,
        evictions: reading.evictions,
        tables,
        losses: reading.losses,
    }
}
