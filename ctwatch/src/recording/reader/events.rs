//! Events, and times in which nothing was watched.

use rusqlite::{Connection, Row, types::Type};

use super::{
    super::{
        columns::figure_or_null,
        words::{address, address_or_null, variant},
    },
    Names,
};
use crate::model::{
    entry::{State, Tuple},
    event::{Event, Evicted, Other},
    gap::Gap,
};

/// Events in the order they were written; none in a recording from before they were kept.
pub(super) fn events(connection: &Connection, names: &Names) -> rusqlite::Result<Vec<Event>> {
    if !connection.table_exists(None, "event")? {
        return Ok(Vec::new());
    }
    let mut query = connection.prepare(
        "SELECT at_ns, reason, cpu, endpoint_id, zone, source, source_port, destination, destination_port,
             victim_state, victim_status, victim_age_ms, victim_left_ms, other_endpoint_id, other_source,
             other_source_port, other_destination, other_destination_port
         FROM event ORDER BY id",
    )?;
    query.query_map([], |row| event(row, names))?.collect()
}

fn event(row: &Row<'_>, names: &Names) -> rusqlite::Result<Event> {
    let endpoint = names.endpoint(row, 3)?;
    Ok(Event {
        at_ns: row.get(0)?,
        reason: variant(row, 1)?,
        cpu: row.get(2)?,
        endpoint: endpoint.ok_or_else(|| missing(3, Type::Null))?,
        zone: row.get(4)?,
        original: Tuple {
            source: address(row, 5)?,
            source_port: row.get(6)?,
            destination: address(row, 7)?,
            destination_port: row.get(8)?,
        },
        evicted: evicted(row)?,
        other: other(row, names)?,
        packet: None,
    })
}

/// What the entry was; `None` where nothing was evicted.
fn evicted(row: &Row<'_>) -> rusqlite::Result<Option<Evicted>> {
    let Some(status) = row.get(10)? else {
        return Ok(None);
    };
    Ok(Some(Evicted {
        state: state(row)?,
        status,
        age_ms: figure_or_null(row, 11)?,
        left_ms: figure_or_null(row, 12)?.unwrap_or_default(),
    }))
}

fn state(row: &Row<'_>) -> rusqlite::Result<Option<State>> {
    let Some(name) = row.get::<_, Option<String>>(9)? else {
        return Ok(None);
    };
    let place = State::NAMES.iter().position(|known| *known == name);
    let number = place.and_then(|place| u8::try_from(place).ok());
    let state = number.map(State).ok_or_else(|| missing(9, Type::Text))?;
    Ok(Some(state))
}

fn other(row: &Row<'_>, names: &Names) -> rusqlite::Result<Option<Other>> {
    let Some((endpoint, source)) = names.endpoint(row, 13)?.zip(address_or_null(row, 14)?) else {
        return Ok(None);
    };
    let original = Tuple {
        source,
        source_port: row.get(15)?,
        destination: address(row, 16)?,
        destination_port: row.get(17)?,
    };
    Ok(Some(Other { endpoint, original }))
}

/// Times in which nothing was watched, in the order they were written.
pub(super) fn gaps(connection: &Connection) -> rusqlite::Result<Vec<Gap>> {
    if !connection.table_exists(None, "gap")? {
        return Ok(Vec::new());
    }
    let mut query = connection.prepare("SELECT from_ms, to_ms, reason FROM gap ORDER BY id")?;
    let gap = |row: &Row<'_>| {
        Ok(Gap {
            from_ms: row.get(0)?,
            to_ms: row.get(1)?,
            reason: row.get(2)?,
        })
    };
    query.query_map([], gap)?.collect()
}

fn missing(column: usize, kind: Type) -> rusqlite::Error {
    let reason = "an event without what every event has";
    rusqlite::Error::FromSqlConversionFailure(column, kind, reason.into())
}
