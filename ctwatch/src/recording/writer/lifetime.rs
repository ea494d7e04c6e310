//! Lifetimes.

use rusqlite::{Transaction, params};

use super::ids::Ids;
use crate::model::{endpoint::Endpoint, lifetime::Lifetimes};

/// Counts only rise, so a row that has its count already is left alone and costs no page of the log.
pub(super) fn write<'l>(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    all: impl IntoIterator<Item = (&'l Endpoint, &'l Lifetimes)>,
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO lifetime (endpoint_id, below_ms, sampled) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET sampled = excluded.sampled WHERE sampled <> excluded.sampled",
    )?;
    for (endpoint, lifetimes) in all {
        let id = ids.endpoint(tx, endpoint)?;
        for (below_ms, sampled) in &lifetimes.buckets {
            insert.execute(params![id, below_ms.cast_signed(), sampled.cast_signed()])?;
        }
    }
    Ok(())
}
