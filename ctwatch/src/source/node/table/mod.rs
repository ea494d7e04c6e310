//! A namespace's table as the kernel's own files describe it: fill, limits, `/proc/net/stat/nf_conntrack`.

use std::{collections::HashMap, fs};

use super::netns::{self, Seen};
use crate::model::{endpoint::Netns, table::Table};

mod stat;
mod unwrap;

use stat::Stat;
use unwrap::Unwrap;

const STAT: &str = "/proc/thread-self/net/stat/nf_conntrack";
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const BUCKETS: &str = "/proc/sys/net/netfilter/nf_conntrack_buckets";

/// Reads tables again and again, and unwraps their statistics.
#[derive(Debug, Default)]
pub struct Reader {
    unwraps: HashMap<Netns, Unwrap>,
}

/// One namespace's table once; statistics are the kernel's present 32-bit values.
#[must_use]
pub fn read(seen: &Seen) -> Table {
    let tables = Reader::new().read_all(std::slice::from_ref(seen));
    tables
        .into_iter()
        .next()
        .unwrap_or_else(|| unread(seen.netns))
}

impl Reader {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables of these namespaces, in their order. What cannot be read is `None`. Statistics only grow from call
    /// to call; a namespace that is left out is forgotten.
    pub fn read_all(&mut self, namespaces: &[Seen]) -> Vec<Table> {
        // Both are the same in all namespaces.
        let (max, buckets) = (number(MAX), number(BUCKETS));
        let visited = netns::visit(namespaces, |_| look()).unwrap_or_default();
        let mut looks = visited.into_iter().map(Result::unwrap_or_default);
        let mut unwraps = HashMap::with_capacity(namespaces.len());
        let mut tables = Vec::with_capacity(namespaces.len());
        for seen in namespaces {
            let look = looks.next().unwrap_or_default();
            let mut unwrap = self.unwraps.remove(&seen.netns).unwrap_or_default();
            let stats = look.stat.map(|stat| unwrap.add(&stat));
            unwraps.insert(seen.netns, unwrap);
            let count = look.count;
            tables.push(Table {
                count,
                max,
                buckets,
                stats,
                ..unread(seen.netns)
            });
        }
        self.unwraps = unwraps;
        tables
    }
}

/// What one namespace's files say.
#[derive(Debug, Default)]
struct Look {
    count: Option<u64>,
    stat: Option<Stat>,
}

/// At the namespace that the calling thread is in.
fn look() -> Look {
    let stat = fs::read_to_string(STAT)
        .ok()
        .and_then(|text| Stat::parse(&text));
    // The file's first column is the same count, and one file less to open for each namespace.
    let count = stat.as_ref().and_then(Stat::entries);
    Look {
        count: count.or_else(|| number(COUNT)),
        stat,
    }
}

fn unread(netns: Netns) -> Table {
    Table {
        netns,
        count: None,
        max: None,
        buckets: None,
        stats: None,
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
