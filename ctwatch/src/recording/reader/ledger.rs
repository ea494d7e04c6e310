//! The books of a recording that ended in order.

use rusqlite::{Connection, Row};

use super::{
    super::columns::{BOOKS, LOSSES, books_in, figure, losses_in},
    Names,
};
use crate::model::ledger::{Ledger, NetnsLedger};

pub(super) fn read(connection: &Connection, names: &Names) -> rusqlite::Result<Ledger> {
    let mut query = connection.prepare(&format!(
        "SELECT netns_id, inserted, ended, count_change, {BOOKS} FROM ledger_netns ORDER BY rowid"
    ))?;
    let namespaces = query
        .query_map([], |row| netns(row, names))?
        .collect::<Result<_, _>>()?;
    let losses =
        connection.query_row(&format!("SELECT {LOSSES} FROM ledger_losses"), [], |row| {
            losses_in(row, 0)
        })?;
    Ok(Ledger { namespaces, losses })
}

fn netns(row: &Row<'_>, names: &Names) -> rusqlite::Result<NetnsLedger> {
    let (counted, kernel) = books_in(row, 4)?;
    Ok(NetnsLedger {
        netns: names.netns(row, 0)?,
        inserted: figure(row, 1)?,
        ended: figure(row, 2)?,
        count_change: row.get(3)?,
        counted,
        kernel,
    })
}
