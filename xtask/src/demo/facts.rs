//! What the node left in /out, as it is.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// All of it.
#[derive(Deserialize)]
pub(super) struct Facts {
    pub(super) before: Phase,
    pub(super) after: Phase,
    pub(super) node: Node,
}

/// One recorded load.
#[derive(Deserialize)]
pub(super) struct Phase {
    /// `nf_conntrack_max`.
    pub(super) max: u64,
    /// The kernel's figures before the recorder was started.
    pub(super) first: Kernel,
    pub(super) load: Load,
    /// The kernel's figures after the recorder had ended.
    pub(super) last: Kernel,
    /// What ctwatch says: `ctwatch report -o json`.
    pub(super) report: Report,
}

/// `nf_conntrack_count`, columns of /proc/net/stat/nf_conntrack, and two of them as `conntrack -S` prints them.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Kernel {
    pub(super) count: u64,
    pub(super) drop: u64,
    pub(super) early_drop: u64,
    pub(super) insert_failed: u64,
    /// The part of `insert_failed` that `drop` leaves out.
    pub(super) chaintoolong: u64,
    pub(super) tools_drop: u64,
    pub(super) tools_early_drop: u64,
}

/// What the clients saw.
#[derive(Deserialize)]
pub(super) struct Load {
    /// Most entries seen during the load.
    pub(super) peak: u64,
    /// Requests that were answered.
    pub(super) served: u64,
    pub(super) http_errors: u64,
    pub(super) answered: u64,
    pub(super) dns_errors: u64,
    /// Entries when all clients were done, before the recording ended.
    pub(super) count: u64,
}

/// The parts of ctwatch's report that are looked at.
#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) source: Source,
    pub(super) ports: Vec<Port>,
    pub(super) ledger: Ledger,
}

#[derive(Deserialize)]
pub(super) struct Source {
    pub(super) backend: String,
}

#[derive(Deserialize)]
pub(super) struct Port {
    pub(super) protocol: String,
    pub(super) port: u16,
    pub(super) inserted: u64,
}

#[derive(Deserialize)]
pub(super) struct Ledger {
    pub(super) namespaces: Vec<Books>,
    pub(super) losses: Losses,
}

#[derive(Deserialize)]
pub(super) struct Losses {
    pub(super) probe_misses: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Books {
    pub(super) netns: u64,
    pub(super) inserted: u64,
    pub(super) ended: u64,
    pub(super) count_change: Option<i64>,
    pub(super) refused: Counted,
    pub(super) evicted: Counted,
    pub(super) insert_failed: Counted,
    /// Clashes that were dropped, which the kernel's `drop` counts too.
    pub(super) drop_clashes: u64,
}

#[derive(Deserialize)]
pub(super) struct Counted {
    pub(super) ctwatch: u64,
}

/// The node once all is over.
#[derive(Deserialize)]
pub(super) struct Node {
    /// Inode of the node's network namespace.
    pub(super) netns: u64,
    /// Ports whose rules were printed.
    pub(super) advised: Vec<Service>,
    /// Entries of the last table that name one of them, in whatever direction.
    pub(super) entries_left: u64,
    pub(super) foreign_rule_survived: bool,
}

#[derive(Deserialize)]
pub(super) struct Service {
    pub(super) protocol: String,
    pub(super) port: u16,
}

impl Facts {
    pub(super) fn read(home: &Path) -> Result<Self> {
        Ok(Self {
            before: read(&home.join("before.json"))?,
            after: read(&home.join("after.json"))?,
            node: read(&home.join("node.json"))?,
        })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_reader(BufReader::new(file))
        .with_context(|| format!("{} is not what was expected", path.display()))
}

impl Phase {
    /// ctwatch's books of the node's namespace.
    pub(super) fn books(&self, netns: u64) -> Option<&Books> {
        let mut all = self.report.ledger.namespaces.iter();
        all.find(|books| books.netns == netns)
    }

    /// How much a figure of the kernel's grew.
    pub(super) fn kernel(&self, figure: fn(&Kernel) -> u64) -> u64 {
        figure(&self.last).saturating_sub(figure(&self.first))
    }

    /// The kernel's `drop` less dropped clashes: `nf_ct_resolve_clash` counts one as `insert_failed` and as `drop`.
    pub(super) fn refused(&self) -> u64 {
        let clashes = self
            .kernel(|k| k.insert_failed)
            .saturating_sub(self.kernel(|k| k.chaintoolong));
        self.kernel(|k| k.drop).saturating_sub(clashes)
    }

    /// Change of `nf_conntrack_count` until the recording ended.
    ///
    /// The node reads it when the clients are done and again when the recorder is; in between entries only expire. If
    /// garbage collection passed just then, the recorder's own reading must lie between the two, and is taken.
    pub(super) fn count_change(&self, recorder: Option<i64>) -> i64 {
        let since = |count: u64| count.cast_signed() - self.first.count.cast_signed();
        let (least, most) = (since(self.last.count), since(self.load.count));
        recorder.map_or(least, |read| read.clamp(least, most.max(least)))
    }

    /// Entries put into the table at `services`, and connections that the node itself seemed to open from them.
    pub(super) fn inserted_at(&self, services: &[Service]) -> u64 {
        let advised = |port: &&Port| {
            services
                .iter()
                .any(|service| service.protocol == port.protocol && service.port == port.port)
        };
        let ports = self.report.ports.iter();
        ports.filter(advised).map(|port| port.inserted).sum()
    }
}
