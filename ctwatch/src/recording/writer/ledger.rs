//! The end of a recording, with its books.

use rusqlite::{Transaction, params_from_iter};

use super::{
    super::columns::{BOOKS, LOSSES, books_out, losses_out, placeholders},
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
    let head = [
        Some(ids.netns(tx, books.netns)?),
        Some(books.inserted.cast_signed()),
        Some(books.ended.cast_signed()),
        books.count_change,
    ];
    let figures = books_out(&books.counted, &books.kernel);
    let marks = placeholders(head.len() + figures.len());
    tx.prepare_cached(&format!(
        "INSERT INTO ledger_netns (netns_id, inserted, ended, count_change, {BOOKS}) VALUES ({marks})"
    ))?
    .execute(params_from_iter(head.into_iter().chain(figures)))?;
    Ok(())
}
