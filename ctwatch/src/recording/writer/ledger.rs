//! The end of a recording, with its books.

use rusqlite::{Transaction, params, params_from_iter};

use super::{
    super::columns::{LOSSES, losses_out, placeholders},
    ids::Ids,
};
use crate::model::{
    ledger::{Ledger, NetnsLedger},
    unobserved::Unobserved,
};

pub(super) fn write(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    ended_ms: i64,
    ledger: &Ledger,
    unobserved: &Unobserved,
) -> rusqlite::Result<()> {
    for books in &ledger.namespaces {
        write_netns(tx, ids, books)?;
    }
    let losses = losses_out(&ledger.losses, unobserved);
    let marks = placeholders(losses.len());
    tx.execute(
        &format!("INSERT INTO ledger_losses ({LOSSES}) VALUES ({marks})"),
        params_from_iter(losses),
    )?;
    tx.execute("UPDATE recording SET ended_ms = ?", [ended_ms])?;
    Ok(())
}

fn write_netns(tx: &Transaction<'_>, ids: &mut Ids, books: &NetnsLedger) -> rusqlite::Result<()> {
    let figure = |figure: Option<u64>| figure.map(u64::cast_signed);
    tx.prepare_cached(
        "INSERT INTO ledger_netns (netns_id, inserted, ended, count_change, refused, refused_kernel,
             drop_clashes, evicted, evicted_kernel, insert_failed, insert_failed_kernel, clash_merged,
             clash_merged_kernel)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        ids.netns(tx, books.netns)?,
        books.inserted.cast_signed(),
        books.ended.cast_signed(),
        books.count_change,
        figure(books.refused.ctwatch),
        figure(books.refused.kernel),
        figure(books.drop_clashes),
        figure(books.evicted.ctwatch),
        figure(books.evicted.kernel),
        figure(books.insert_failed.ctwatch),
        figure(books.insert_failed.kernel),
        figure(books.clash_merged.ctwatch),
        figure(books.clash_merged.kernel),
    ])?;
    Ok(())
}
