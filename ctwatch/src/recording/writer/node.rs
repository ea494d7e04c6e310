//! What is known of the recording and the node.

use rusqlite::{Transaction, params};

use super::{super::words::word, ids::Ids};
use crate::model::{
    node::{Address, Namespace, Node},
    recording::Header,
};

pub(super) fn write_header(tx: &Transaction<'_>, header: &Header) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO recording (version, started_ms, interval_ms, backend) VALUES (?, ?, ?, ?)",
        params![
            header.version,
            header.started_ms,
            header.interval_ms.cast_signed(),
            word(header.backend)?
        ],
    )?;
    for counter in &header.unobserved.0 {
        tx.execute(
            "INSERT INTO unobserved (counter) VALUES (?)",
            [word(counter)?],
        )?;
    }
    header
        .degraded
        .iter()
        .try_for_each(|reason| write_degraded(tx, reason))
}

pub(super) fn write_degraded(tx: &Transaction<'_>, reason: &str) -> rusqlite::Result<()> {
    tx.execute("INSERT INTO degraded (reason) VALUES (?)", [reason])?;
    Ok(())
}

pub(super) fn write_node(tx: &Transaction<'_>, ids: &mut Ids, node: &Node) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO node (hostname, kernel, cpus, hz) VALUES (?, ?, ?, ?)",
        params![node.hostname, node.kernel, node.cpus, node.hz],
    )?;
    for (name, value) in &node.sysctls {
        tx.prepare_cached("INSERT INTO sysctl (name, value) VALUES (?, ?)")?
            .execute([name, value])?;
    }
    for namespace in &node.namespaces {
        write_namespace(tx, ids, namespace)?;
    }
    write_addresses(tx, ids, &node.addresses)?;
    for port in &node.control_ports {
        tx.execute("INSERT INTO control_port (port) VALUES (?)", [port])?;
    }
    for ruleset in &node.rulesets {
        tx.execute(
            "INSERT INTO ruleset (netns_id, kind, text) VALUES (?, ?, ?)",
            params![
                ids.netns(tx, ruleset.netns)?,
                word(ruleset.kind)?,
                ruleset.text
            ],
        )?;
    }
    for reason in &node.unread {
        tx.execute("INSERT INTO unread (reason) VALUES (?)", [reason])?;
    }
    Ok(())
}

pub(super) fn write_namespace(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    namespace: &Namespace,
) -> rusqlite::Result<()> {
    let id = ids.netns(tx, namespace.netns)?;
    tx.prepare_cached("UPDATE netns SET name = ?, own = ? WHERE id = ?")?
        .execute(params![namespace.name, namespace.own, id])?;
    Ok(())
}

pub(super) fn write_addresses(
    tx: &Transaction<'_>,
    ids: &mut Ids,
    addresses: &[Address],
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO address (netns_id, interface, address, prefix) VALUES (?, ?, ?, ?)",
    )?;
    for address in addresses {
        insert.execute(params![
            ids.netns(tx, address.netns)?,
            address.interface,
            address.address.to_string(),
            address.prefix
        ])?;
    }
    Ok(())
}
