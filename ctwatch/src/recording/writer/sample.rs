//! Samples: what happened, and the tables that changed.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params, params_from_iter, types::Value};

use super::{
    super::columns::{
        COUNTER_COLUMNS, COUNTERS, LOSSES, TABLE, counters_out, losses_out, placeholders, table_out,
    },
    ids::Ids,
};
use crate::model::{
    counters::Counters,
    endpoint::{Endpoint, Netns},
    event::Eviction,
    sample::Sample,
    table::Table,
    unobserved::Unobserved,
};

/// Each namespace's table as it was written last.
#[derive(Debug, Default)]
pub(super) struct LastTables(BTreeMap<Netns, Table>);

/// A namespace whose table changed, with the new one; `None` when it is no longer seen.
pub(super) type Change = (Netns, Option<Table>);

impl LastTables {
    /// What differs from the tables written last.
    pub(super) fn changes(&self, tables: &[Table]) -> Vec<Change> {
        let now: BTreeMap<Netns, Table> =
            tables.iter().map(|table| (table.netns, *table)).collect();
        let gone = self.0.keys().filter(|netns| !now.contains_key(netns));
        let mut changes: Vec<Change> = gone.map(|netns| (*netns, None)).collect();
        changes.extend(
            now.into_iter()
                .filter(|(netns, table)| self.0.get(netns) != Some(table))
                .map(|(netns, table)| (netns, Some(table))),
        );
        changes
    }

    /// Takes over what has been written.
    pub(super) fn remember(&mut self, changes: &[Change]) {
        for (netns, table) in changes {
            match table {
                Some(table) => self.0.insert(*netns, *table),
                None => self.0.remove(netns),
            };
        }
    }
}

pub(super) fn write(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    sample: &Sample,
    changes: &[Change],
    unobserved: &Unobserved,
) -> rusqlite::Result<()> {
    let losses = losses_out(&sample.losses, unobserved);
    let figures = [Some(sample.at_ms), Some(sample.elapsed_ms.cast_signed())]
        .into_iter()
        .chain(losses);
    let marks = placeholders(2 + losses.len());
    tx.prepare_cached(&format!(
        "INSERT INTO sample (at_ms, elapsed_ms, {LOSSES}) VALUES ({marks})"
    ))?
    .execute(params_from_iter(figures))?;
    let id = tx.last_insert_rowid();
    write_deltas(tx, ids, id, sample, unobserved)?;
    write_evictions(tx, ids, id, &sample.evictions)?;
    changes
        .iter()
        .try_for_each(|change| write_table(tx, ids, id, change))
}

fn write_deltas(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    id: i64,
    sample: &Sample,
    unobserved: &Unobserved,
) -> rusqlite::Result<()> {
    let marks = placeholders(2 + COUNTER_COLUMNS);
    let mut insert = tx.prepare_cached(&format!(
        "INSERT INTO delta (sample_id, endpoint_id, {COUNTERS}) VALUES ({marks})"
    ))?;
    // What a parameter was bound to it keeps, and most counters are what they were in the row before: 0.
    let mut bound = [None; 2 + COUNTER_COLUMNS];
    let mut write = |endpoint: Option<i64>, counters: &Counters| {
        let row = [Some(id), endpoint].into_iter();
        let row = row.chain(counters_out(counters, unobserved));
        for (parameter, (bound, figure)) in (1..).zip(bound.iter_mut().zip(row)) {
            if *bound != figure {
                insert.raw_bind_parameter(parameter, figure)?;
                *bound = figure;
            }
        }
        insert.raw_execute().map(drop)
    };
    if !sample.unattributed.is_zero() {
        write(None, &sample.unattributed)?;
    }
    for (endpoint, counters) in sample.deltas.iter().filter(|(_, c)| !c.is_zero()) {
        write(Some(ids.endpoint(tx, endpoint)?), counters)?;
    }
    Ok(())
}

/// One row a pair, though each processor told its own.
fn write_evictions(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    id: i64,
    evictions: &[Eviction],
) -> rusqlite::Result<()> {
    let mut pairs: BTreeMap<(Endpoint, Option<Endpoint>), u64> = BTreeMap::new();
    for eviction in evictions.iter().filter(|eviction| eviction.evicted > 0) {
        let pair = (eviction.victim, eviction.newcomer);
        *pairs.entry(pair).or_default() += eviction.evicted;
    }
    for ((victim, newcomer), evicted) in pairs {
        let victim = ids.endpoint(tx, &victim)?;
        let newcomer = newcomer
            .map(|newcomer| ids.endpoint(tx, &newcomer))
            .transpose()?;
        tx.prepare_cached(
            "INSERT INTO eviction (sample_id, victim_id, newcomer_id, evicted) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![id, victim, newcomer, evicted.cast_signed()])?;
    }
    Ok(())
}

fn write_table(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    id: i64,
    (netns, table): &Change,
) -> rusqlite::Result<()> {
    let figures = table.as_ref().map_or([None; 11], table_out);
    let row = [
        id.into(),
        ids.netns(tx, *netns)?.into(),
        table.is_some().into(),
    ];
    let marks = placeholders(row.len() + figures.len());
    tx.prepare_cached(&format!(
        "INSERT INTO netns_table (sample_id, netns_id, visible, {TABLE}) VALUES ({marks})"
    ))?
    .execute(params_from_iter(
        row.into_iter().chain(figures.map(Value::from)),
    ))?;
    Ok(())
}
