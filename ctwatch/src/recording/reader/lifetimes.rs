//! Lifetimes.

use std::collections::BTreeMap;

use rusqlite::{Connection, types::Type};

use super::{super::columns::figure, Names};
use crate::model::{endpoint::Endpoint, lifetime::Lifetimes};

/// Lifetimes by endpoint; none in a recording from before there was such a table.
pub(super) fn read(
    connection: &Connection,
    names: &Names,
) -> rusqlite::Result<BTreeMap<Endpoint, Lifetimes>> {
    let mut all: BTreeMap<Endpoint, Lifetimes> = BTreeMap::new();
    if !connection.table_exists(None, "lifetime")? {
        return Ok(all);
    }
    let mut query = connection.prepare("SELECT endpoint_id, below_ms, sampled FROM lifetime")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let endpoint = names.endpoint(row, 0)?.ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(0, Type::Null, "no endpoint".into())
        })?;
        let buckets = &mut all.entry(endpoint).or_default().buckets;
        buckets.insert(figure(row, 1)?, figure(row, 2)?);
    }
    Ok(all)
}
