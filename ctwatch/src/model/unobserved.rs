//! What a recording's source does not see.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::recording::Backend;

/// A figure of [`Counters`](super::counters::Counters) that not every source can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// `ended.expired`
    Expired,
    /// `ended.evicted`
    Evicted,
    /// `ended.evicted_background`
    EvictedBackground,
    /// `ended.reset`
    Reset,
    /// `ended.deleted`
    Deleted,
    /// `refused`
    Refused,
    /// `insert_failed`
    InsertFailed,
    /// `clash_dropped`
    ClashDropped,
    /// `clash_merged`
    ClashMerged,
    /// `nat_exhausted`
    NatExhausted,
    /// `chain_too_long`
    ChainTooLong,
    /// `dying`
    Dying,
    /// `reopened`
    Reopened,
    /// `syn_ignored`
    SynIgnored,
    /// Who was evicted for whom.
    Newcomers,
    /// Refused and evicted connections one by one ([`Event`](super::event::Event)).
    Events,
    /// `unreplied`
    Unreplied,
    /// `assured`
    Assured,
    /// `tcp_last`, all of it
    LastState,
}

/// The figures that were not observed: their zeros mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unobserved(pub BTreeSet<Figure>);

impl Unobserved {
    /// What recordings did not hold before version 3 of their schema, whatever was watched by.
    pub const BEFORE_VERSION_3: [Figure; 7] = [
        Figure::NatExhausted,
        Figure::ChainTooLong,
        Figure::Dying,
        Figure::Reopened,
        Figure::SynIgnored,
        Figure::Newcomers,
        Figure::Events,
    ];

    /// What a backend does not see. `refusals` says that dropped packets were watched beside it, which tells whose
    /// the refused connections are; probes need no such help.
    #[must_use]
    pub fn of(backend: Backend, refusals: bool) -> Self {
        use Figure::{
            Assured, ChainTooLong, ClashDropped, ClashMerged, Deleted, Dying, Events, Evicted,
            EvictedBackground, Expired, InsertFailed, LastState, NatExhausted, Newcomers, Refused,
            Reopened, Reset, SynIgnored, Unreplied,
        };
        let always: &[Figure] = match backend {
            Backend::Kprobe | Backend::Fentry => return Self::default(),
            // An entry that never came into the table, and one that garbage collection took early, send no event
            // that would say so.
            Backend::Netlink => &[
                EvictedBackground,
                InsertFailed,
                ClashDropped,
                ClashMerged,
                NatExhausted,
                ChainTooLong,
                Dying,
                Reopened,
                SynIgnored,
                Newcomers,
                Events,
            ],
            Backend::Dump => &[
                Expired,
                Evicted,
                EvictedBackground,
                Reset,
                Deleted,
                InsertFailed,
                ClashDropped,
                ClashMerged,
                NatExhausted,
                ChainTooLong,
                Dying,
                Reopened,
                SynIgnored,
                Newcomers,
                Events,
                Unreplied,
                Assured,
                LastState,
            ],
        };
        let refused = (!refusals).then_some(Refused);
        Self(always.iter().copied().chain(refused).collect())
    }

    /// Whether this figure was observed.
    #[must_use]
    pub fn is_observed(&self, figure: Figure) -> bool {
        !self.0.contains(&figure)
    }

    /// The value of a figure, if it was observed.
    #[must_use]
    pub fn told(&self, figure: Figure, value: u64) -> Option<u64> {
        self.is_observed(figure).then_some(value)
    }
}
