//! Counters as documents have them: what the source does not see is null.

use serde::Serialize;

use crate::model::{
    counters::{Counters, Ended},
    sample::Losses,
    unobserved::{Figure, Unobserved},
};

/// Entries that ended, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ToldEnded {
    /// The timeout had passed.
    pub expired: Option<u64>,
    /// Evicted for newcomers.
    pub evicted: Option<u64>,
    /// Evicted in the background.
    pub evicted_background: Option<u64>,
    /// Reset, or reopened.
    pub reset: Option<u64>,
    /// Deleted through ctnetlink.
    pub deleted: Option<u64>,
    /// The namespace went away.
    pub netns_gone: u64,
    /// Anything else, and what was not told apart.
    pub other: u64,
}

impl ToldEnded {
    /// Leaves out what is `unobserved`.
    #[must_use]
    pub fn of(ended: &Ended, unobserved: &Unobserved) -> Self {
        Self {
            expired: unobserved.told(Figure::Expired, ended.expired),
            evicted: unobserved.told(Figure::Evicted, ended.evicted),
            evicted_background: unobserved
                .told(Figure::EvictedBackground, ended.evicted_background),
            reset: unobserved.told(Figure::Reset, ended.reset),
            deleted: unobserved.told(Figure::Deleted, ended.deleted),
            netns_gone: ended.netns_gone,
            other: ended.other,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let told = [
            self.expired,
            self.evicted,
            self.evicted_background,
            self.reset,
            self.deleted,
        ];
        told.iter().flatten().sum::<u64>() + self.netns_gone + self.other
    }
}

/// [`Losses`] with what the source has none of left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ToldLosses {
    /// Probe hits the kernel skipped.
    pub probe_misses: Option<u64>,
    /// Events counted under no endpoint.
    pub unattributed: u64,
    /// Refused connections whose tuple was out of reach.
    pub refused_unattributed: u64,
    /// Refusals of entries that userspace wanted to make.
    pub refused_ctnetlink: u64,
    /// Ends whose cause was lost.
    pub cause_lost: u64,
    /// Entries that two callers ended at once.
    pub cause_raced: u64,
    /// Reads of kernel memory that failed.
    pub unreadable: u64,
    /// Returns of a probed function whose entry was not seen.
    pub unpaired: u64,
    /// ctnetlink events that did not fit the socket.
    pub events_lost: Option<u64>,
    /// Inserts that only a dump showed.
    pub resynced_inserted: u64,
    /// Ends that only a dump showed.
    pub resynced_ended: u64,
    /// Events that are in no recording because there were too many; the totals have them.
    pub events_suppressed: Option<u64>,
    /// Events that did not fit into the ring buffer, likewise.
    pub ring_lost: Option<u64>,
    /// Evictions counted without their newcomer.
    pub pairs_lost: Option<u64>,
}

impl ToldLosses {
    /// Leaves out what is `unobserved`.
    #[must_use]
    pub fn of(losses: &Losses, unobserved: &Unobserved) -> Self {
        Self {
            probe_misses: losses.probe_misses,
            unattributed: losses.unattributed,
            refused_unattributed: losses.refused_unattributed,
            refused_ctnetlink: losses.refused_ctnetlink,
            cause_lost: losses.cause_lost,
            cause_raced: losses.cause_raced,
            unreadable: losses.unreadable,
            unpaired: losses.unpaired,
            events_lost: losses.events_lost,
            resynced_inserted: losses.resynced_inserted,
            resynced_ended: losses.resynced_ended,
            events_suppressed: unobserved.told(Figure::Events, losses.events_suppressed),
            ring_lost: unobserved.told(Figure::Events, losses.ring_lost),
            pairs_lost: unobserved.told(Figure::Newcomers, losses.pairs_lost),
        }
    }
}

/// [`Counters`] with what was not observed left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Entries put into the table.
    pub inserted: u64,
    /// Entries that left it.
    pub ended: ToldEnded,
    /// New connections refused.
    pub refused: Option<u64>,
    /// Entries that could not be inserted.
    pub insert_failed: Option<u64>,
    /// Of them, those dropped for a clash.
    pub clash_dropped: Option<u64>,
    /// Clashes that were merged.
    pub clash_merged: Option<u64>,
    /// Of the clashes dropped, those for which NAT had no port left.
    pub nat_exhausted: Option<u64>,
    /// Of those not inserted, those whose hash chain was too long.
    pub chain_too_long: Option<u64>,
    /// Of those not inserted, those that were deleted before their first packet had passed.
    pub dying: Option<u64>,
    /// Of those reset, those that a SYN reopened.
    pub reopened: Option<u64>,
    /// SYNs that were ignored.
    pub syn_ignored: Option<u64>,
    /// Inserted with the source translated.
    pub snat: u64,
    /// Inserted with the destination translated.
    pub dnat: u64,
    /// Inserted with a helper.
    pub helper: u64,
    /// Ended without a reply.
    pub unreplied: Option<u64>,
    /// Ended assured.
    pub assured: Option<u64>,
    /// Σ end times − Σ insert times, in milliseconds.
    pub age_ms: i64,
    /// TCP entries by the state they ended in.
    pub tcp_last: Option<[u64; ctwatch_common::tcp::COUNT]>,
}

impl Told {
    /// Leaves out what is `unobserved`.
    #[must_use]
    pub fn of(counters: &Counters, unobserved: &Unobserved) -> Self {
        Self {
            inserted: counters.inserted,
            ended: ToldEnded::of(&counters.ended, unobserved),
            refused: unobserved.told(Figure::Refused, counters.refused),
            insert_failed: unobserved.told(Figure::InsertFailed, counters.insert_failed),
            clash_dropped: unobserved.told(Figure::ClashDropped, counters.clash_dropped),
            clash_merged: unobserved.told(Figure::ClashMerged, counters.clash_merged),
            nat_exhausted: unobserved.told(Figure::NatExhausted, counters.nat_exhausted),
            chain_too_long: unobserved.told(Figure::ChainTooLong, counters.chain_too_long),
            dying: unobserved.told(Figure::Dying, counters.dying),
            reopened: unobserved.told(Figure::Reopened, counters.reopened),
            syn_ignored: unobserved.told(Figure::SynIgnored, counters.syn_ignored),
            snat: counters.snat,
            dnat: counters.dnat,
            helper: counters.helper,
            unreplied: unobserved.told(Figure::Unreplied, counters.unreplied),
            assured: unobserved.told(Figure::Assured, counters.assured),
            age_ms: counters.age_ms,
            tcp_last: unobserved
                .is_observed(Figure::LastState)
                .then_some(counters.tcp_last),
        }
    }

    /// Whether nothing happened that was observed.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        let failed = [self.refused, self.insert_failed, self.clash_merged];
        self.inserted == 0
            && self.ended.total() == 0
            && failed.iter().all(|figure| figure.unwrap_or(0) == 0)
    }
}
