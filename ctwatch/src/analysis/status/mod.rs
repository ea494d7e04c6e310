//! The key figures of the tables now.

use std::cmp::Reverse;

use serde::Serialize;

use crate::model::{limit::Limit, node::Namespace, table::Table};

mod key;

pub use key::{FIGURES, Figure, Key, KeyError, Value, Which};

/// The tables of a node at one time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// `uname -r`; empty where it could not be read.
    pub kernel: String,
    /// A table that can be seen is full.
    pub full: bool,
    /// Namespaces, the most entries first; unknown counts last.
    pub namespaces: Vec<NetnsStatus>,
    /// What could not be read and why, for people.
    pub degraded: Vec<String>,
}

/// One namespace's table. The three counters are the kernel's own since the namespace was made, added up over CPUs
/// that wrap at 32 bits; `None` is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetnsStatus {
    /// Inode number.
    pub netns: u32,
    /// `SO_NETNS_COOKIE`; 0 where the kernel does not tell.
    pub cookie: u64,
    /// Name under /run/netns.
    pub name: Option<String>,
    /// Whether this process is in it.
    pub own: bool,
    /// `nf_conntrack_count`
    pub count: Option<u64>,
    /// `nf_conntrack_max`, the same in all namespaces.
    pub max: Option<u64>,
    /// What `max` means on this kernel.
    #[serde(skip)]
    pub limit: Option<Limit>,
    /// `nf_conntrack_buckets`, the same in all namespaces.
    pub buckets: Option<u64>,
    /// `count / max`; `None` also where there is no limit.
    pub fill: Option<f64>,
    /// The next connection evicts an entry or is refused.
    pub full: Option<bool>,
    /// The kernel's `drop`: connections refused at a full table, clashes that were not resolved (which
    /// `insert_failed` counts, too), and rarer drops.
    pub refused: Option<u64>,
    /// Entries evicted for newcomers.
    pub early_drop: Option<u64>,
    /// Entries that could not be inserted.
    pub insert_failed: Option<u64>,
}

/// Puts tables beside the names of their namespaces.
#[must_use]
pub fn status(
    kernel: String,
    namespaces: &[Namespace],
    tables: &[Table],
    degraded: Vec<String>,
) -> Status {
    let named = |table: &Table| namespaces.iter().find(|one| one.netns == table.netns);
    let mut rows: Vec<NetnsStatus> = tables
        .iter()
        .map(|table| netns(table, named(table), &kernel))
        .collect();
    rows.sort_by_key(|row| (Reverse(row.count), !row.own, row.netns));
    Status {
        full: rows.iter().any(|row| row.full == Some(true)),
        kernel,
        namespaces: rows,
        degraded,
    }
}

fn netns(table: &Table, namespace: Option<&Namespace>, kernel: &str) -> NetnsStatus {
    let limit = table.max.and_then(|max| Limit::of(max, kernel));
    let stats = table.stats;
    NetnsStatus {
        netns: table.netns.inode,
        cookie: table.netns.cookie,
        name: namespace.and_then(|namespace| namespace.name.clone()),
        own: namespace.is_some_and(|namespace| namespace.own),
        count: table.count,
        max: table.max,
        limit,
        buckets: table.buckets,
        fill: match (limit, table.count) {
            (Some(Limit::Entries(max)), Some(count)) => Some(count as f64 / max as f64),
            _ => None,
        },
        full: match (limit, table.count) {
            (Some(Limit::Entries(max)), Some(count)) => Some(count >= max),
            (Some(Limit::Unlimited), _) => Some(false),
            (Some(Limit::Nothing), _) => Some(true),
            _ => None,
        },
        refused: stats.map(|stats| stats.drop),
        early_drop: stats.map(|stats| stats.early_drop),
        insert_failed: stats.map(|stats| stats.insert_failed),
    }
}

impl NetnsStatus {
    /// No entries, and nothing has happened since it was made, as far as that is known.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let counters = [self.refused, self.early_drop, self.insert_failed];
        self.count == Some(0) && counters.iter().all(|counter| counter.unwrap_or(0) == 0)
    }
}
