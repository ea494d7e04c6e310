//! Which column holds which figure. SQLite's integers are signed: figures go in and come out bit for bit, and
//! only one of 2⁶³ or more, which no counter here reaches, would look negative to a query.

use rusqlite::Row;

use crate::model::{
    counters::{Counters, Ended},
    ledger::{Counted, Kernel},
    sample::Losses,
    table::{KernelStats, Table},
    unobserved::{Figure, Unobserved},
};

/// Figures of a `delta` row, in the order of [`counters_out`].
pub(super) const COUNTERS: &str = "inserted, expired, evicted, evicted_background, reset, deleted, netns_gone, \
     other, refused, insert_failed, clash_dropped, clash_merged, nat_exhausted, chain_too_long, dying, reopened, \
     syn_ignored, snat, dnat, helper, unreplied, assured, age_ms, last_none, last_syn_sent, last_syn_recv, \
     last_established, last_fin_wait, last_close_wait, last_last_ack, last_time_wait, last_close, last_syn_sent2";

/// Of these, how many come before those by last state.
const BY_CAUSE: usize = 23;

/// How many figures [`COUNTERS`] names.
pub(super) const COUNTER_COLUMNS: usize = BY_CAUSE + ctwatch_common::tcp::COUNT;

/// Figures of a `sample` or `ledger_losses` row, in the order of [`losses_out`].
pub(super) const LOSSES: &str = "probe_misses, unattributed, refused_unattributed, refused_ctnetlink, cause_lost, \
     cause_raced, unreadable, unpaired, events_lost, resynced_inserted, resynced_ended, events_suppressed, \
     ring_lost, pairs_lost";

/// Figures of a `ledger_netns` row, in the order of [`books_out`].
pub(super) const BOOKS: &str = "refused, evicted, insert_failed, clash_dropped, nat_exhausted, chain_too_long, dying, \
     clash_merged, drop_kernel, early_drop_kernel, insert_failed_kernel, chaintoolong_kernel, clash_resolve_kernel";

/// Columns that came later, with the version of the schema that brought them.
const SINCE: [(&str, i32); 11] = [
    ("events_lost", 2),
    ("resynced_inserted", 2),
    ("resynced_ended", 2),
    ("nat_exhausted", 3),
    ("chain_too_long", 3),
    ("dying", 3),
    ("reopened", 3),
    ("syn_ignored", 3),
    ("events_suppressed", 3),
    ("ring_lost", 3),
    ("pairs_lost", 3),
];

/// The columns of `list` as a recording of `version` has them: NULL in the place of those it has not.
pub(super) fn in_version(list: &str, version: i32) -> String {
    let has = |column: &str| {
        let since = SINCE.iter().find(|(newer, _)| *newer == column);
        since.is_none_or(|(_, since)| *since <= version)
    };
    let columns = list.split(", ");
    let columns = columns.map(|column| if has(column) { column } else { "NULL" });
    columns.collect::<Vec<_>>().join(", ")
}

/// Figures of a `netns_table` row, in the order of [`table_out`].
pub(super) const TABLE: &str = "count, max, buckets, found, invalid, \"insert\", insert_failed, \"drop\", \
     early_drop, clash_resolve, chaintoolong";

/// Counters as integers, in the order of [`COUNTERS`]; NULL for what was not observed.
pub(super) fn counters_out(
    counters: &Counters,
    unobserved: &Unobserved,
) -> [Option<i64>; COUNTER_COLUMNS] {
    let ended = &counters.ended;
    let mut out = [None; COUNTER_COLUMNS];
    let told = |figure, value| unobserved.told(figure, value);
    let head = [
        Some(counters.inserted),
        told(Figure::Expired, ended.expired),
        told(Figure::Evicted, ended.evicted),
        told(Figure::EvictedBackground, ended.evicted_background),
        told(Figure::Reset, ended.reset),
        told(Figure::Deleted, ended.deleted),
        Some(ended.netns_gone),
        Some(ended.other),
        told(Figure::Refused, counters.refused),
        told(Figure::InsertFailed, counters.insert_failed),
        told(Figure::ClashDropped, counters.clash_dropped),
        told(Figure::ClashMerged, counters.clash_merged),
        told(Figure::NatExhausted, counters.nat_exhausted),
        told(Figure::ChainTooLong, counters.chain_too_long),
        told(Figure::Dying, counters.dying),
        told(Figure::Reopened, counters.reopened),
        told(Figure::SynIgnored, counters.syn_ignored),
        Some(counters.snat),
        Some(counters.dnat),
        Some(counters.helper),
        told(Figure::Unreplied, counters.unreplied),
        told(Figure::Assured, counters.assured),
        Some(counters.age_ms.cast_unsigned()),
    ];
    let last = counters
        .tcp_last
        .map(|ended| told(Figure::LastState, ended));
    for (slot, figure) in out.iter_mut().zip(head.into_iter().chain(last)) {
        *slot = figure.map(u64::cast_signed);
    }
    out
}

/// Counters from the columns that begin at `first`; 0 for what was not observed, as its source would count it.
pub(super) fn counters_in(row: &Row<'_>, first: usize) -> rusqlite::Result<Counters> {
    let at = |column| figure_or_null(row, first + column).map(Option::unwrap_or_default);
    let mut tcp_last = [0; ctwatch_common::tcp::COUNT];
    for (state, slot) in tcp_last.iter_mut().enumerate() {
        *slot = at(BY_CAUSE + state)?;
    }
    Ok(Counters {
        inserted: at(0)?,
        ended: Ended {
            expired: at(1)?,
            evicted: at(2)?,
            evicted_background: at(3)?,
            reset: at(4)?,
            deleted: at(5)?,
            netns_gone: at(6)?,
            other: at(7)?,
        },
        refused: at(8)?,
        insert_failed: at(9)?,
        clash_dropped: at(10)?,
        clash_merged: at(11)?,
        nat_exhausted: at(12)?,
        chain_too_long: at(13)?,
        dying: at(14)?,
        reopened: at(15)?,
        syn_ignored: at(16)?,
        snat: at(17)?,
        dnat: at(18)?,
        helper: at(19)?,
        unreplied: at(20)?,
        assured: at(21)?,
        age_ms: at(22)?.cast_signed(),
        tcp_last,
    })
}

/// Losses as integers, in the order of [`LOSSES`]; NULL for what a source without events cannot lose.
pub(super) fn losses_out(losses: &Losses, unobserved: &Unobserved) -> [Option<i64>; 14] {
    [
        losses.probe_misses,
        Some(losses.unattributed),
        Some(losses.refused_unattributed),
        Some(losses.refused_ctnetlink),
        Some(losses.cause_lost),
        Some(losses.cause_raced),
        Some(losses.unreadable),
        Some(losses.unpaired),
        losses.events_lost,
        Some(losses.resynced_inserted),
        Some(losses.resynced_ended),
        unobserved.told(Figure::Events, losses.events_suppressed),
        unobserved.told(Figure::Events, losses.ring_lost),
        unobserved.told(Figure::Newcomers, losses.pairs_lost),
    ]
    .map(|figure| figure.map(u64::cast_signed))
}

/// Losses from the columns that begin at `first`; 0 for what could not be lost.
pub(super) fn losses_in(row: &Row<'_>, first: usize) -> rusqlite::Result<Losses> {
    let at = |column| figure_or_null(row, first + column).map(Option::unwrap_or_default);
    Ok(Losses {
        probe_misses: figure_or_null(row, first)?,
        unattributed: at(1)?,
        refused_unattributed: at(2)?,
        refused_ctnetlink: at(3)?,
        cause_lost: at(4)?,
        cause_raced: at(5)?,
        unreadable: at(6)?,
        unpaired: at(7)?,
        events_lost: figure_or_null(row, first + 8)?,
        resynced_inserted: at(9)?,
        resynced_ended: at(10)?,
        events_suppressed: at(11)?,
        ring_lost: at(12)?,
        pairs_lost: at(13)?,
    })
}

/// What was counted as integers, in the order of [`BOOKS`].
pub(super) fn books_out(counted: &Counted, kernel: &Kernel) -> [Option<i64>; 13] {
    [
        counted.refused,
        counted.evicted,
        counted.insert_failed,
        counted.clash_dropped,
        counted.nat_exhausted,
        counted.chain_too_long,
        counted.dying,
        counted.clash_merged,
        kernel.drop,
        kernel.early_drop,
        kernel.insert_failed,
        kernel.chaintoolong,
        kernel.clash_resolve,
    ]
    .map(|figure| figure.map(u64::cast_signed))
}

/// What was counted, from the columns that begin at `first`.
pub(super) fn books_in(row: &Row<'_>, first: usize) -> rusqlite::Result<(Counted, Kernel)> {
    let at = |column| figure_or_null(row, first + column);
    let counted = Counted {
        refused: at(0)?,
        evicted: at(1)?,
        insert_failed: at(2)?,
        clash_dropped: at(3)?,
        nat_exhausted: at(4)?,
        chain_too_long: at(5)?,
        dying: at(6)?,
        clash_merged: at(7)?,
    };
    let kernel = Kernel {
        drop: at(8)?,
        early_drop: at(9)?,
        insert_failed: at(10)?,
        chaintoolong: at(11)?,
        clash_resolve: at(12)?,
    };
    Ok((counted, kernel))
}

/// A table as integers, in the order of [`TABLE`].
pub(super) fn table_out(table: &Table) -> [Option<i64>; 11] {
    let stats = |figure: fn(&KernelStats) -> Option<u64>| table.stats.as_ref().and_then(figure);
    [
        table.count,
        table.max,
        table.buckets,
        stats(|s| Some(s.found)),
        stats(|s| Some(s.invalid)),
        stats(|s| Some(s.insert)),
        stats(|s| Some(s.insert_failed)),
        stats(|s| Some(s.drop)),
        stats(|s| Some(s.early_drop)),
        stats(|s| s.clash_resolve),
        stats(|s| s.chaintoolong),
    ]
    .map(|figure| figure.map(u64::cast_signed))
}

/// A table from the columns that begin at `first`. `found` tells whether there were statistics.
pub(super) fn table_in(
    row: &Row<'_>,
    first: usize,
    netns: crate::model::endpoint::Netns,
) -> rusqlite::Result<Table> {
    let gauge = |column| figure_or_null(row, first + column);
    let at = |column| figure(row, first + column);
    let stats = match gauge(3)? {
        None => None,
        Some(found) => Some(KernelStats {
            found,
            invalid: at(4)?,
            insert: at(5)?,
            insert_failed: at(6)?,
            drop: at(7)?,
            early_drop: at(8)?,
            clash_resolve: gauge(9)?,
            chaintoolong: gauge(10)?,
        }),
    };
    Ok(Table {
        netns,
        count: gauge(0)?,
        max: gauge(1)?,
        buckets: gauge(2)?,
        stats,
    })
}

/// An unsigned figure.
pub(super) fn figure(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// An unsigned figure, or `None` for NULL.
pub(super) fn figure_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

/// `?, ?, …` for `count` parameters.
pub(super) fn placeholders(count: usize) -> String {
    let mut marks = "?,".repeat(count);
    marks.pop();
    marks
}
