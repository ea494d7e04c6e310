//! Samples.

use std::collections::BTreeMap;

use rusqlite::{Connection, Rows, types::Type};

use super::{
    super::columns::{
        COUNTERS, LOSSES, TABLE, counters_in, figure, in_version, losses_in, table_in,
    },
    Names,
};
use crate::model::{
    counters::Counters, endpoint::Netns, event::Eviction, sample::Sample, table::Table,
};

/// All samples, each with its deltas in the order they were written and all tables by namespace.
pub(super) fn read(
    connection: &Connection,
    names: &Names,
    version: i32,
) -> rusqlite::Result<Vec<Sample>> {
    let losses = in_version(LOSSES, version);
    let mut query = connection.prepare(&format!(
        "SELECT id, at_ms, elapsed_ms, {losses} FROM sample ORDER BY id"
    ))?;
    let mut rows = query.query([])?;
    let mut samples = Vec::new();
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get::<_, i64>(0)?);
        samples.push(Sample {
            at_ms: row.get(1)?,
            elapsed_ms: figure(row, 2)?,
            deltas: Vec::new(),
            unattributed: Counters::default(),
            evictions: Vec::new(),
            tables: Vec::new(),
            losses: losses_in(row, 3)?,
        });
    }
    let counters = in_version(COUNTERS, version);
    read_deltas(connection, names, &counters, &ids, &mut samples)?;
    if version >= 3 {
        read_evictions(connection, names, &ids, &mut samples)?;
    }
    read_tables(connection, names, &ids, &mut samples)?;
    Ok(samples)
}

/// Rows lie in the file as they were written, sample after sample: no sorting, no second copy.
fn read_deltas(
    connection: &Connection,
    names: &Names,
    counters: &str,
    ids: &[i64],
    samples: &mut [Sample],
) -> rusqlite::Result<()> {
    let mut query = connection.prepare(&format!(
        "SELECT sample_id, endpoint_id, {counters} FROM delta ORDER BY rowid"
    ))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let sample = &mut samples[position(ids, row.get(0)?)?];
        let counters = counters_in(row, 2)?;
        match names.endpoint(row, 1)? {
            Some(endpoint) => sample.deltas.push((endpoint, counters)),
            None => sample.unattributed += counters,
        }
    }
    Ok(())
}

fn read_evictions(
    connection: &Connection,
    names: &Names,
    ids: &[i64],
    samples: &mut [Sample],
) -> rusqlite::Result<()> {
    let mut query = connection.prepare(
        "SELECT sample_id, victim_id, newcomer_id, evicted FROM eviction ORDER BY rowid",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let sample = &mut samples[position(ids, row.get(0)?)?];
        // The column cannot be NULL.
        if let Some(victim) = names.endpoint(row, 1)? {
            sample.evictions.push(Eviction {
                victim,
                newcomer: names.endpoint(row, 2)?,
                evicted: figure(row, 3)?,
            });
        }
    }
    Ok(())
}

/// A namespace's table holds until the next row of that namespace.
fn read_tables(
    connection: &Connection,
    names: &Names,
    ids: &[i64],
    samples: &mut [Sample],
) -> rusqlite::Result<()> {
    let mut query = connection.prepare(&format!(
        "SELECT sample_id, netns_id, visible, {TABLE} FROM netns_table ORDER BY rowid"
    ))?;
    let mut changes = Changes::new(query.query([])?, names)?;
    let mut current: BTreeMap<Netns, Table> = BTreeMap::new();
    for (id, sample) in ids.iter().zip(samples) {
        while let Some((netns, table)) = changes.next_of(*id)? {
            match table {
                Some(table) => current.insert(netns, table),
                None => current.remove(&netns),
            };
        }
        sample.tables = current.values().copied().collect();
    }
    Ok(())
}

/// The rows of `netns_table`, one ahead.
struct Changes<'q> {
    rows: Rows<'q>,
    names: &'q Names,
    ahead: Option<(i64, Netns, Option<Table>)>,
}

impl<'q> Changes<'q> {
    fn new(rows: Rows<'q>, names: &'q Names) -> rusqlite::Result<Self> {
        let mut changes = Self {
            rows,
            names,
            ahead: None,
        };
        changes.advance()?;
        Ok(changes)
    }

    /// The next change that belongs to sample `id`.
    fn next_of(&mut self, id: i64) -> rusqlite::Result<Option<(Netns, Option<Table>)>> {
        match self.ahead {
            Some((sample, netns, table)) if sample <= id => {
                self.advance()?;
                Ok(Some((netns, table)))
            }
            _ => Ok(None),
        }
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.ahead = match self.rows.next()? {
            None => None,
            Some(row) => {
                let netns = self.names.netns(row, 1)?;
                let visible: bool = row.get(2)?;
                let table = visible.then(|| table_in(row, 3, netns)).transpose()?;
                Some((row.get(0)?, netns, table))
            }
        };
        Ok(())
    }
}

fn position(ids: &[i64], id: i64) -> rusqlite::Result<usize> {
    ids.binary_search(&id).map_err(|_| {
        let reason = format!("there is no sample {id}");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, reason.into())
    })
}
