//! This node as it is now, in place of a recording.

use anyhow::{Context as _, Result};

use crate::{
    model::{
        dump::DumpKind,
        recording::{Moment, Recording},
    },
    source::{netlink, node, privilege, table},
};

/// Reads the own network namespace: table, addresses, settings, rulesets.
///
/// # Errors
/// When CAP_NET_ADMIN is missing, or there is no table.
pub(super) fn read() -> Result<Recording> {
    privilege::check(&privilege::TABLE).context(
        "no ctwatch.db here and no input named, so it is this node that is looked at (name a recording, or --conntrack DUMP)",
    )?;
    let node = node::read(true);
    let mut degraded = vec![
        "this moment only: no rates, no refusals and no evictions are known (ctwatch record)"
            .to_owned(),
    ];
    let namespaces = node::namespaces(true, &mut degraded);
    let own = namespaces
        .first()
        .context("cannot read the own network namespace")?;
    let dump = netlink::dump(own, Some(&node.addresses), DumpKind::Final)?;
    let tables = table::read_once(&namespaces, &mut degraded);
    Ok(Recording::of(Moment {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_ms: dump.at_ms,
        node,
        tables,
        dumps: vec![dump],
        degraded,
    }))
}
