//! The books of a recording that ended in order.

use rusqlite::{Connection, Row};

use super::{
    super::columns::{figure, figure_or_null, losses_in},
    Names,
};
use crate::model::ledger::{Compared, Ledger, NetnsLedger};

pub(super) fn read(
    connection: &Connection,
    names: &Names,
    losses: &str,
) -> rusqlite::Result<Ledger> {
    let mut query = connection.prepare(
        "SELECT netns_id, inserted, ended, count_change, refused, refused_kernel, evicted, evicted_kernel,
             insert_failed, insert_failed_kernel, clash_merged, clash_merged_kernel, drop_clashes
         FROM ledger_netns ORDER BY rowid",
    )?;
    let namespaces = query
        .query_map([], |row| netns(row, names))?
        .collect::<Result<_, _>>()?;
    let losses =
        connection.query_row(&format!("SELECT {losses} FROM ledger_losses"), [], |row| {
            losses_in(row, 0)
        })?;
    Ok(Ledger { namespaces, losses })
}

fn netns(row: &Row<'_>, names: &Names) -> rusqlite::Result<NetnsLedger> {
    let compared = |column| {
        Ok::<_, rusqlite::Error>(Compared {
            ctwatch: figure_or_null(row, column)?,
            kernel: figure_or_null(row, column + 1)?,
        })
    };
    Ok(NetnsLedger {
        netns: names.netns(row, 0)?,
        inserted: figure(row, 1)?,
        ended: figure(row, 2)?,
        count_change: row.get(3)?,
        refused: compared(4)?,
        evicted: compared(6)?,
        insert_failed: compared(8)?,
        clash_merged: compared(10)?,
        drop_clashes: figure_or_null(row, 12)?,
    })
}
