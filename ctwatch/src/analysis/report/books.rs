//! The books, ready to be shown.

use serde::Serialize;

use super::{Options, Told, ToldLosses};
use crate::{
    analysis::{
        occupancy::cross_check,
        proof::{Balance, NetnsBooks},
    },
    model::{
        counters::Counters,
        ledger::{Ledger, NetnsLedger},
        recording::Recording,
        sample::Losses,
        unobserved::{Figure, Unobserved},
    },
};

/// What was counted against what the kernel says, and what was lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Books {
    /// By namespace.
    pub namespaces: Vec<ReportedBooks>,
    /// What the source says it lost.
    pub losses: ToldLosses,
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

/// One namespace's books.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportedBooks {
    /// As the recorder closed them.
    #[serde(flatten)]
    pub books: NetnsBooks,
    /// Entries the first dump and the events since foretell for the last dump, against what that one saw;
    /// `None` with fewer than two dumps. While the table changes the two are not of one moment.
    pub last_dump: Option<Balance>,
}

pub(super) fn books(recording: &Recording, options: &Options, ledger: &Ledger) -> Books {
    let wanted = ledger
        .namespaces
        .iter()
        .filter(|n| options.wants_netns(n.netns));
    let namespaces: Vec<ReportedBooks> = wanted.map(|books| netns(recording, books)).collect();
    let mut unattributed = Counters::default();
    for sample in &recording.samples {
        unattributed += sample.unattributed;
    }
    Books {
        verdict: verdict(&namespaces, &ledger.losses, &recording.header.unobserved),
        namespaces,
        losses: ToldLosses::of(&ledger.losses, &recording.header.unobserved),
        unattributed: Told::of(&unattributed, &recording.header.unobserved),
    }
}

fn netns(recording: &Recording, ledger: &NetnsLedger) -> ReportedBooks {
    ReportedBooks {
        books: NetnsBooks::from(ledger),
        last_dump: cross_check(recording, ledger.netns).map(|check| Balance {
            ctwatch: Some(check.by_events.max(0).cast_unsigned()),
            kernel: Some(check.by_dump),
            difference: Some(check.by_dump.cast_signed() - check.by_events),
        }),
    }
}

fn verdict(namespaces: &[ReportedBooks], losses: &Losses, unobserved: &Unobserved) -> Verdict {
    // Events and newcomers are details: whatever of them was lost is counted all the same.
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
            .map(|reported| &reported.books)
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
