//! Dumps.

use rusqlite::{Transaction, params};

use super::{super::words::word, ids::Ids};
use crate::model::{
    dump::{Dump, EndpointDump},
    endpoint::Endpoint,
    translated::TranslatedEntries,
};

pub(super) fn write(tx: &Transaction<'_>, ids: &mut Ids, dump: &Dump) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO dump (netns_id, at_ms, took_ms, kind, entries, distinct_clients)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            ids.netns(tx, dump.netns)?,
            dump.at_ms,
            dump.took_ms.cast_signed(),
            word(dump.kind)?,
            dump.entries.cast_signed(),
            dump.distinct_clients.cast_signed()
        ],
    )?;
    let id = tx.last_insert_rowid();
    forget_earlier(tx, id)?;
    write_left(tx, id, dump)?;
    write_translated(tx, id, dump)?;
    for (endpoint, seen) in &dump.endpoints {
        write_endpoint(tx, ids, id, endpoint, seen)?;
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO dump_client (dump_id, address, entries, unreplied, endpoints)
         VALUES (?, ?, ?, ?, ?)",
    )?;
    for client in &dump.clients {
        insert.execute(params![
            id,
            client.address.to_string(),
            client.entries.cast_signed(),
            client.unreplied.cast_signed(),
            client.endpoints.cast_signed()
        ])?;
    }
    Ok(())
}

/// What entries had left, and where they led, says nothing any more once there is a later dump.
fn forget_earlier(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    for table in ["dump_left", "dump_translated"] {
        tx.prepare_cached(&format!(
            "DELETE FROM {table} WHERE dump_id IN
             (SELECT id FROM dump WHERE netns_id = (SELECT netns_id FROM dump WHERE id = ?))"
        ))?
        .execute([id])?;
    }
    Ok(())
}

fn write_translated(tx: &Transaction<'_>, id: i64, dump: &Dump) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO dump_translated
         (dump_id, protocol, service, service_port, backend, backend_port, entries)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for TranslatedEntries { way, entries } in &dump.translated {
        insert.execute(params![
            id,
            way.protocol.to_string(),
            way.service.ip().to_string(),
            way.service.port(),
            way.backend.ip().to_string(),
            way.backend.port(),
            entries.cast_signed()
        ])?;
    }
    Ok(())
}

fn write_left(tx: &Transaction<'_>, id: i64, dump: &Dump) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO dump_left (dump_id, protocol, state, seconds, entries) VALUES (?, ?, ?, ?, ?)",
    )?;
    for row in &dump.left {
        insert.execute(params![
            id,
            row.protocol.to_string(),
            row.stage.name(),
            row.seconds,
            row.entries.cast_signed()
        ])?;
    }
    Ok(())
}

fn write_endpoint(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    dump: i64,
    endpoint: &Endpoint,
    seen: &EndpointDump,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO dump_endpoint (dump_id, endpoint_id, entries, clients, unreplied)
         VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![
        dump,
        ids.endpoint(tx, endpoint)?,
        seen.entries.cast_signed(),
        seen.clients.cast_signed(),
        seen.unreplied.cast_signed()
    ])?;
    let id = tx.last_insert_rowid();
    for (state, entries) in seen.states.iter() {
        tx.prepare_cached(
            "INSERT INTO dump_state (dump_endpoint_id, state, entries) VALUES (?, ?, ?)",
        )?
        .execute(params![id, state, entries.cast_signed()])?;
    }
    for (finding, evidence) in &seen.findings {
        tx.prepare_cached(
            "INSERT INTO dump_finding (dump_endpoint_id, finding, entries, example)
             VALUES (?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            word(finding)?,
            evidence.entries.cast_signed(),
            evidence.example
        ])?;
    }
    Ok(())
}
