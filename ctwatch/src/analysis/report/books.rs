//! The books, ready to be shown.

use serde::Serialize;

use super::{Options, Told};
use crate::{
    analysis::occupancy::cross_check,
    model::{
        counters::Counters,
        ledger::{Compared, Ledger, NetnsLedger},
        recording::Recording,
        sample::Losses,
        unobserved::{Figure, Unobserved},
    },
};

/// What was counted against what the kernel says, and what was lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Books {
    /// By namespace.
    pub namespaces: Vec<NetnsBooks>,
    /// What the source says it lost.
    pub losses: Losses,
    /// Counted under no endpoint.
    pub unattributed: Told,
    /// All of this in a word.
    pub verdict: Verdict,
}

/// How far the figures can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was lost, and the kernel's own counters say the same.
    Exact,
    /// Nothing is known to be lost, and the kernel tells too little to check it.
    Unchecked,
    /// Nothing is known to be lost, but inserted − ended or the evictions differ from the kernel's figures:
    /// events between two readings of a busy table, or misses that the kernel does not report.
    Differs,
    /// Events were lost or could not be attributed.
    Lost,
}

/// A figure of ctwatch's beside the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// What ctwatch counted; `None` where its source does not see that.
    pub ctwatch: Option<u64>,
    /// What the kernel counted.
    pub kernel: Option<u64>,
    /// Kernel less ctwatch.
    pub difference: Option<i64>,
}

impl From<Compared> for Balance {
    fn from(compared: Compared) -> Self {
        let both = compared.kernel.zip(compared.ctwatch);
        Self {
            ctwatch: compared.ctwatch,
            kernel: compared.kernel,
            difference: both.map(|(kernel, ours)| kernel.cast_signed() - ours.cast_signed()),
        }
    }
}

/// One namespace's books.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetnsBooks {
    /// Namespace's inode number.
    pub netns: u32,
    /// Entries inserted.
    pub inserted: u64,
    /// Entries ended.
    pub ended: u64,
    /// Change of `nf_conntrack_count`.
    pub count_change: Option<i64>,
    /// `count_change` less (`inserted` − `ended`): entries not in the hash yet, and events missed.
    pub unexplained: Option<i64>,
    /// Refused, against the kernel's `drop` less dropped clashes. The difference are other drops: reopened TCP
    /// connections that lost a race, sequence adjustments that failed, extensions gone stale.
    pub refused: Balance,
    /// Clashes that were dropped, which the kernel's `drop` counts too; `None` where the source does not see them, and
    /// the kernel's figure is less all that its `insert_failed` allows for.
    pub drop_clashes: Option<u64>,
    /// Evicted, against `early_drop`.
    pub evicted: Balance,
    /// Entries that could not be inserted, against the kernel's own count.
    pub insert_failed: Balance,
    /// Clashes merged, against `clash_resolve`.
    pub clash_merged: Balance,
    /// Entries the first dump and the events since foretell for the last dump, against what that one saw;
    /// `None` with fewer than two dumps. While the table changes the two are not of one moment.
    pub last_dump: Option<Balance>,
}

pub(super) fn books(recording: &Recording, options: &Options, ledger: &Ledger) -> Books {
    let wanted = ledger
        .namespaces
        .iter()
        .filter(|n| options.wants_netns(n.netns));
    let namespaces: Vec<NetnsBooks> = wanted.map(|books| netns(recording, books)).collect();
    let mut unattributed = Counters::default();
    for sample in &recording.samples {
        unattributed += sample.unattributed;
    }
    Books {
        verdict: verdict(&namespaces, &ledger.losses, &recording.header.unobserved),
        namespaces,
        losses: ledger.losses,
        unattributed: Told::of(&unattributed, &recording.header.unobserved),
    }
}

fn netns(recording: &Recording, ledger: &NetnsLedger) -> NetnsBooks {
    let net = ledger.inserted.cast_signed() - ledger.ended.cast_signed();
    NetnsBooks {
        netns: ledger.netns.inode,
        inserted: ledger.inserted,
        ended: ledger.ended,
        count_change: ledger.count_change,
        unexplained: ledger.count_change.map(|change| change - net),
        refused: ledger.refused.into(),
        drop_clashes: ledger.drop_clashes,
        evicted: ledger.evicted.into(),
        insert_failed: ledger.insert_failed.into(),
        clash_merged: ledger.clash_merged.into(),
        last_dump: cross_check(recording, ledger.netns).map(|check| Balance {
            ctwatch: Some(check.by_events.max(0).cast_unsigned()),
            kernel: Some(check.by_dump),
            difference: Some(check.by_dump.cast_signed() - check.by_events),
        }),
    }
}

fn verdict(namespaces: &[NetnsBooks], losses: &Losses, unobserved: &Unobserved) -> Verdict {
    // Where nobody looked whose they were, that is no loss.
    let refused = unobserved.told(Figure::Refused, losses.refused_unattributed);
    let lost = losses.probe_misses.unwrap_or(0)
        + losses.unattributed
        + refused.unwrap_or(0)
        + losses.cause_lost
        + losses.unreadable
        + losses.unpaired
        + losses.events_lost.unwrap_or(0)
        + losses.resynced_inserted
        + losses.resynced_ended;
    if lost > 0 {
        return Verdict::Lost;
    }
    let differences = || {
        namespaces
            .iter()
            .flat_map(|books| [books.unexplained, books.evicted.difference])
    };
    if differences().any(|difference| difference.is_some_and(|d| d != 0)) {
        Verdict::Differs
    } else if namespaces.is_empty() || differences().any(|difference| difference.is_none()) {
        Verdict::Unchecked
    } else {
        Verdict::Exact
    }
}
