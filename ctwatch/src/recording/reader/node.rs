//! What is known of the recording and the node.

use rusqlite::{Connection, Row};

use super::{
    super::{
        columns::figure,
        words::{address, variant},
    },
    Names,
};
use crate::model::{
    node::{Address, Namespace, Node, RulesetText},
    recording::Header,
    unobserved::{Figure, Unobserved},
};

/// The header, and when the recording ended.
pub(super) fn header(
    connection: &Connection,
    version: i32,
) -> rusqlite::Result<(Header, Option<i64>)> {
    let (mut header, ended_ms) = connection.query_row(
        "SELECT version, started_ms, interval_ms, backend, ended_ms FROM recording",
        [],
        |row| {
            let header = Header {
                version: row.get(0)?,
                started_ms: row.get(1)?,
                interval_ms: figure(row, 2)?,
                backend: variant(row, 3)?,
                degraded: Vec::new(),
                unobserved: Unobserved::default(),
            };
            Ok((header, row.get(4)?))
        },
    )?;
    header.degraded = all(
        connection,
        "SELECT reason FROM degraded ORDER BY id",
        |row| row.get(0),
    )?;
    header.unobserved = unobserved(connection, version)?;
    Ok((header, ended_ms))
}

/// In a recording of version 1, which came from probes, nothing but what no recording had before version 3.
fn unobserved(connection: &Connection, version: i32) -> rusqlite::Result<Unobserved> {
    let mut unobserved = Unobserved::default();
    if version < 3 {
        unobserved.0.extend(Unobserved::BEFORE_VERSION_3);
    }
    if connection.table_exists(None, "unobserved")? {
        let counters: Vec<Figure> = all(connection, "SELECT counter FROM unobserved", |row| {
            variant(row, 0)
        })?;
        unobserved.0.extend(counters);
    }
    Ok(unobserved)
}

pub(super) fn node(connection: &Connection, names: &Names) -> rusqlite::Result<Node> {
    let mut node =
        connection.query_row("SELECT hostname, kernel, cpus, hz FROM node", [], |row| {
            Ok(Node {
                hostname: row.get(0)?,
                kernel: row.get(1)?,
                cpus: row.get(2)?,
                hz: row.get(3)?,
                ..Node::default()
            })
        })?;
    let pairs = all(connection, "SELECT name, value FROM sysctl", |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    node.sysctls = pairs.into_iter().collect();
    node.namespaces = all(
        connection,
        "SELECT id, name, own FROM netns WHERE own IS NOT NULL ORDER BY id",
        |row| {
            Ok(Namespace {
                netns: names.netns(row, 0)?,
                name: row.get(1)?,
                own: row.get(2)?,
            })
        },
    )?;
    node.addresses = all(
        connection,
        "SELECT netns_id, interface, address, prefix FROM address ORDER BY id",
        |row| {
            Ok(Address {
                netns: names.netns(row, 0)?,
                interface: row.get(1)?,
                address: address(row, 2)?,
                prefix: row.get(3)?,
            })
        },
    )?;
    node.rulesets = all(
        connection,
        "SELECT netns_id, kind, text FROM ruleset ORDER BY id",
        |row| {
            Ok(RulesetText {
                netns: names.netns(row, 0)?,
                kind: variant(row, 1)?,
                text: row.get(2)?,
            })
        },
    )?;
    node.control_ports = all(
        connection,
        "SELECT port FROM control_port ORDER BY id",
        |row| row.get(0),
    )?;
    node.unread = all(connection, "SELECT reason FROM unread ORDER BY id", |row| {
        row.get(0)
    })?;
    Ok(node)
}

fn all<T>(
    connection: &Connection,
    query: &str,
    value: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(query)?.query_map([], value)?.collect()
}
