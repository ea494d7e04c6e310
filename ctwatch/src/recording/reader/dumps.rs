//! Dumps.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
};

use rusqlite::{Connection, Row, types::Type};

use super::{
    super::{
        columns::figure,
        words::{address, protocol, variant},
    },
    Names,
};
use crate::model::{
    dump::{ClientDump, Dump, EndpointDump, Evidence},
    endpoint::Endpoint,
    left::TimeLeft,
    stage::Stage,
    translated::{Translated, TranslatedEntries},
};

/// All dumps, in the order they were written.
pub(super) fn read(connection: &Connection, names: &Names) -> rusqlite::Result<Vec<Dump>> {
    let mut dumps: BTreeMap<i64, Dump> = BTreeMap::new();
    let sql = "SELECT id, netns_id, at_ms, took_ms, kind, entries, distinct_clients FROM dump";
    each(connection, sql, |row| {
        let dump = Dump {
            netns: names.netns(row, 1)?,
            at_ms: row.get(2)?,
            took_ms: figure(row, 3)?,
            kind: variant(row, 4)?,
            entries: figure(row, 5)?,
            endpoints: BTreeMap::new(),
            clients: Vec::new(),
            distinct_clients: figure(row, 6)?,
            left: Vec::new(),
            translated: Vec::new(),
        };
        dumps.insert(row.get(0)?, dump);
        Ok(())
    })?;
    for (id, endpoint, seen) in endpoints(connection, names)?.into_values() {
        if let Some(dump) = dumps.get_mut(&id) {
            dump.endpoints.insert(endpoint, seen);
        }
    }
    let sql =
        "SELECT dump_id, address, entries, unreplied, endpoints FROM dump_client ORDER BY rowid";
    each(connection, sql, |row| {
        let client = ClientDump {
            address: address(row, 1)?,
            entries: figure(row, 2)?,
            unreplied: figure(row, 3)?,
            endpoints: figure(row, 4)?,
        };
        if let Some(dump) = dumps.get_mut(&row.get(0)?) {
            dump.clients.push(client);
        }
        Ok(())
    })?;
    // Recordings of before have no such table.
    if connection.table_exists(None, "dump_left")? {
        let sql = "SELECT dump_id, protocol, state, seconds, entries FROM dump_left ORDER BY rowid";
        each(connection, sql, |row| {
            let Some(dump) = dumps.get_mut(&row.get(0)?) else {
                return Ok(());
            };
            dump.left.push(TimeLeft {
                protocol: protocol(row, 1)?,
                stage: stage(row, 2)?,
                seconds: row.get(3)?,
                entries: figure(row, 4)?,
            });
            Ok(())
        })?;
    }
    if connection.table_exists(None, "dump_translated")? {
        let sql = "SELECT dump_id, protocol, service, service_port, backend, backend_port, entries
                   FROM dump_translated ORDER BY rowid";
        each(connection, sql, |row| {
            let Some(dump) = dumps.get_mut(&row.get(0)?) else {
                return Ok(());
            };
            let way = Translated {
                protocol: protocol(row, 1)?,
                service: SocketAddr::new(address(row, 2)?, row.get(3)?),
                backend: SocketAddr::new(address(row, 4)?, row.get(5)?),
            };
            let entries = figure(row, 6)?;
            dump.translated.push(TranslatedEntries { way, entries });
            Ok(())
        })?;
    }
    Ok(dumps.into_values().collect())
}

fn stage(row: &Row<'_>, column: usize) -> rusqlite::Result<Stage> {
    let name = row.get_ref(column)?.as_str()?;
    Stage::from_name(name).ok_or_else(|| {
        let reason = format!("no state is called {name}");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

/// Endpoints of all dumps by row id, each with the dump it belongs to.
fn endpoints(
    connection: &Connection,
    names: &Names,
) -> rusqlite::Result<HashMap<i64, (i64, Endpoint, EndpointDump)>> {
    let mut all = HashMap::new();
    let sql = "SELECT id, dump_id, endpoint_id, entries, clients, unreplied FROM dump_endpoint";
    each(connection, sql, |row| {
        let endpoint = names.endpoint(row, 2)?.ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(2, Type::Null, "no endpoint".into())
        })?;
        let seen = EndpointDump {
            entries: figure(row, 3)?,
            clients: figure(row, 4)?,
            unreplied: figure(row, 5)?,
            ..EndpointDump::default()
        };
        all.insert(row.get::<_, i64>(0)?, (row.get(1)?, endpoint, seen));
        Ok(())
    })?;
    let sql = "SELECT dump_endpoint_id, state, entries FROM dump_state";
    each(connection, sql, |row| {
        if let Some((_, _, seen)) = all.get_mut(&row.get(0)?) {
            seen.states
                .insert(row.get_ref(1)?.as_str()?, figure(row, 2)?);
        }
        Ok(())
    })?;
    let sql = "SELECT dump_endpoint_id, finding, entries, example FROM dump_finding";
    each(connection, sql, |row| {
        let evidence = Evidence {
            entries: figure(row, 2)?,
            example: row.get(3)?,
        };
        if let Some((_, _, seen)) = all.get_mut(&row.get(0)?) {
            seen.findings.insert(variant(row, 1)?, evidence);
        }
        Ok(())
    })?;
    Ok(all)
}

fn each(
    connection: &Connection,
    sql: &str,
    mut use_row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut query = connection.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        use_row(row)?;
    }
    Ok(())
}
