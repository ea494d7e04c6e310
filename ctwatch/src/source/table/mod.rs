//! A namespace's table as the kernel describes it: fill, limits, and the statistics that /proc/net/stat/nf_conntrack
//! shows, or ctnetlink where a kernel has no such file.

use std::{collections::HashMap, fs, io::ErrorKind, path::Path};

use super::{
    netlink::stats as ctnetlink,
    node::netns::{self, Seen},
};
use crate::model::{
    endpoint::Netns,
    table::{KernelStats, Table},
};

mod once;
mod stat;
mod unwrap;

pub use once::read_once;
use stat::Stat;
use unwrap::Unwrap;

const STAT: &str = "/proc/thread-self/net/stat/nf_conntrack";
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const BUCKETS: &str = "/proc/sys/net/netfilter/nf_conntrack_buckets";

/// Whether this kernel has conntrack, loaded or built in. Any of the files shows it: older kernels hide the settings
/// from the namespaces of unprivileged users, and the statistics may be compiled out.
#[must_use]
pub fn is_loaded() -> bool {
    [MAX, COUNT, STAT]
        .iter()
        .any(|path| Path::new(path).exists())
}

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
        .unwrap_or_else(|| Limits::default().table(seen.netns))
}

/// The text of a `/proc/net/stat/nf_conntrack`, with the kernel's 32-bit values; `None` when it is no such text.
#[must_use]
pub fn stats(text: &str) -> Option<KernelStats> {
    Stat::parse(text).map(|stat| Unwrap::default().add(&stat))
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
        let limits = Limits::read();
        let visited = netns::visit(namespaces, |_| Look::take()).unwrap_or_default();
        let mut looks = visited.into_iter().map(Result::ok);
        let mut unwraps = HashMap::with_capacity(namespaces.len());
        let mut tables = Vec::with_capacity(namespaces.len());
        for seen in namespaces {
            let look = looks.next().flatten();
            let mut unwrap = self.unwraps.remove(&seen.netns).unwrap_or_default();
            let mut table = limits.table(seen.netns);
            if let Some(look) = look {
                table.count = look.count.ok();
                table.stats = look.stat.ok().map(|stat| unwrap.add(&stat));
            }
            unwraps.insert(seen.netns, unwrap);
            tables.push(table);
        }
        self.unwraps = unwraps;
        tables
    }
}

/// What is the same in all namespaces.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    max: Option<u64>,
    buckets: Option<u64>,
}

impl Limits {
    fn read() -> Self {
        Self {
            max: number(MAX).ok(),
            buckets: number(BUCKETS).ok(),
        }
    }

    /// A table of which no more is known.
    fn table(self, netns: Netns) -> Table {
        Table {
            netns,
            count: None,
            max: self.max,
            buckets: self.buckets,
            stats: None,
        }
    }
}

/// What one namespace shows, or why it does not.
#[derive(Debug)]
struct Look {
    count: Result<u64, String>,
    stat: Result<Stat, String>,
}

impl Look {
    /// At the namespace that the calling thread is in.
    fn take() -> Self {
        let stat = read_stat();
        // The file's first column is the same count, and one file less to open for each namespace.
        let count = stat.as_ref().ok().and_then(Stat::entries);
        Self {
            count: count.map_or_else(|| number(COUNT), Ok),
            stat,
        }
    }
}

fn read_stat() -> Result<Stat, String> {
    match fs::read_to_string(STAT) {
        Ok(text) => {
            Stat::parse(&text).ok_or_else(|| format!("{STAT} is not in a form that is known"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && is_loaded() => ctnetlink::read()
            .map(|cpus| Stat::from_cpus(&cpus))
            .map_err(|reason| {
                format!("{STAT} is not there, and statistics over ctnetlink: {reason}")
            }),
        Err(error) => Err(format!("{STAT}: {error}")),
    }
}

fn number(path: &str) -> Result<u64, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let number = text.trim();
    number
        .parse()
        .map_err(|_| format!("{path}: {number:?} is no number"))
}
