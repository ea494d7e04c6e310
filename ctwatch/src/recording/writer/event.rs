//! Events, and times in which nothing was watched.

use rusqlite::{Transaction, params};

use super::{super::words::word, ids::Ids};
use crate::model::{event::Event, gap::Gap};

pub(super) fn write_events(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    events: &[Event],
) -> rusqlite::Result<()> {
    events.iter().try_for_each(|event| write(tx, ids, event))
}

fn write(tx: &Transaction<'_>, ids: &mut Ids, event: &Event) -> rusqlite::Result<()> {
    let endpoint = ids.endpoint(tx, &event.endpoint)?;
    let other = event.other.as_ref();
    let other_endpoint = other
        .map(|other| ids.endpoint(tx, &other.endpoint))
        .transpose()?;
    let (original, theirs) = (&event.original, other.map(|other| &other.original));
    let evicted = event.evicted.as_ref();
    tx.prepare_cached(
        "INSERT INTO event (at_ns, reason, cpu, endpoint_id, zone, source, source_port, destination, destination_port,
             victim_state, victim_status, victim_age_ms, victim_left_ms, other_endpoint_id, other_source,
             other_source_port, other_destination, other_destination_port)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        event.at_ns,
        word(event.reason)?,
        event.cpu,
        endpoint,
        event.zone,
        original.source.to_string(),
        original.source_port,
        original.destination.to_string(),
        original.destination_port,
        evicted.and_then(|entry| entry.state).map(|state| state.name()),
        evicted.map(|entry| entry.status),
        evicted
            .and_then(|entry| entry.age_ms)
            .map(u64::cast_signed),
        evicted.map(|entry| entry.left_ms.cast_signed()),
        other_endpoint,
        theirs.map(|tuple| tuple.source.to_string()),
        theirs.map(|tuple| tuple.source_port),
        theirs.map(|tuple| tuple.destination.to_string()),
        theirs.map(|tuple| tuple.destination_port),
    ])?;
    Ok(())
}

pub(super) fn write_gap(tx: &Transaction<'_>, gap: &Gap) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO gap (from_ms, to_ms, reason) VALUES (?, ?, ?)",
        params![gap.from_ms, gap.to_ms, gap.reason],
    )?;
    Ok(())
}
