//! target/demo/summary.json.

use serde::Serialize;

use super::facts::{Facts, Phase};

/// The demonstration in figures. Those at the top are of the first recording.
#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) kernel: String,
    pub(super) backend: String,
    pub(super) inserted: u64,
    pub(super) ended: u64,
    pub(super) count_change: i64,
    pub(super) refused: Figure,
    pub(super) evicted: Figure,
    pub(super) insert_failed: Figure,
    /// `None` where the kernel does not count them.
    pub(super) probe_misses: Option<u64>,
    pub(super) before: Side,
    pub(super) after: After,
    pub(super) advised_ports: Vec<u16>,
    pub(super) foreign_rule_survived: bool,
    pub(super) seconds: Seconds,
}

/// What ctwatch counted beside what the node read from its kernel.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Figure {
    pub(super) ctwatch: u64,
    pub(super) kernel: u64,
}

/// A load as the kernel and the clients saw it.
#[derive(Serialize)]
pub(super) struct Side {
    /// Highest, as a part of `nf_conntrack_max`.
    pub(super) fill: f64,
    pub(super) refused: u64,
    pub(super) evicted: u64,
    pub(super) http_errors: u64,
    pub(super) dns_errors: u64,
}

#[derive(Serialize)]
pub(super) struct After {
    #[serde(flatten)]
    pub(super) side: Side,
    pub(super) new_entries_on_advised_ports: u64,
}

/// Wall time.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Seconds {
    /// Until the node was switched on: compiler, kernel, image.
    pub(super) build: f64,
    /// The node's life.
    pub(super) run: f64,
}

impl Summary {
    pub(super) fn new(facts: &Facts, kernel: String, seconds: Seconds) -> Self {
        let before = &facts.before;
        let books = before.books(facts.node.netns);
        let ctwatch = |figure: fn(&super::facts::Books) -> u64| books.map_or(0, figure);
        Self {
            kernel,
            backend: before.report.source.backend.clone(),
            inserted: ctwatch(|books| books.inserted),
            ended: ctwatch(|books| books.ended),
            count_change: before.count_change(books.and_then(|books| books.count_change)),
            refused: Figure {
                ctwatch: ctwatch(|books| books.refused.ctwatch),
                kernel: before.refused(),
            },
            evicted: Figure {
                ctwatch: ctwatch(|books| books.evicted.ctwatch),
                kernel: before.kernel(|kernel| kernel.early_drop),
            },
            insert_failed: Figure {
                ctwatch: ctwatch(|books| books.insert_failed.ctwatch),
                kernel: before.kernel(|kernel| kernel.insert_failed),
            },
            probe_misses: before.report.ledger.losses.probe_misses,
            before: Side::new(before),
            after: After {
                side: Side::new(&facts.after),
                new_entries_on_advised_ports: facts.after.inserted_at(&facts.node.advised)
                    + facts.node.entries_left,
            },
            advised_ports: facts
                .node
                .advised
                .iter()
                .map(|service| service.port)
                .collect(),
            foreign_rule_survived: facts.node.foreign_rule_survived,
            seconds,
        }
    }
}

impl Side {
    fn new(phase: &Phase) -> Self {
        Self {
            fill: phase.load.peak as f64 / phase.max.max(1) as f64,
            refused: phase.refused(),
            evicted: phase.kernel(|kernel| kernel.early_drop),
            http_errors: phase.load.http_errors,
            dns_errors: phase.load.dns_errors,
        }
    }
}
