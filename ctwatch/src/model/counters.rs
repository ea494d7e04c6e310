//! Counters of an endpoint.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Entries that ended, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The timeout had passed.
    pub expired: u64,
    /// `early_drop` removed them for newcomers (the kernel's `early_drop`).
    pub evicted: u64,
    /// Garbage collection removed them with time left, above 95 % fill.
    pub evicted_background: u64,
    /// Reset, or reopened by a new SYN.
    pub reset: u64,
    /// Deleted through ctnetlink.
    pub deleted: u64,
    /// The network namespace went away.
    pub netns_gone: u64,
    /// Anything else.
    pub other: u64,
}

impl Ended {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.expired
            + self.evicted
            + self.evicted_background
            + self.reset
            + self.deleted
            + self.netns_gone
            + self.other
    }
}

impl Add for Ended {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            expired: self.expired + other.expired,
            evicted: self.evicted + other.evicted,
            evicted_background: self.evicted_background + other.evicted_background,
            reset: self.reset + other.reset,
            deleted: self.deleted + other.deleted,
            netns_gone: self.netns_gone + other.netns_gone,
            other: self.other + other.other,
        }
    }
}

/// What happened at an endpoint, over an interval or since the recording began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Entries put into the table.
    pub inserted: u64,
    /// Entries that left it.
    pub ended: Ended,
    /// New connections refused at a full table.
    pub refused: u64,
    /// Entries that could not be inserted: clashes, and once the kernel counted one, chains too long and the rest.
    pub insert_failed: u64,
    /// Of them, those dropped because they clashed with another; the kernel counts these as `drop` too.
    pub clash_dropped: u64,
    /// Entries merged into one they clashed with.
    pub clash_merged: u64,
    /// Of `clash_dropped`, those of translated tuples: NAT had no port left.
    pub nat_exhausted: u64,
    /// Of `insert_failed`, those whose hash chain was too long (the kernel's `chaintoolong`).
    pub chain_too_long: u64,
    /// Of `insert_failed`, those that were deleted before their first packet had passed.
    pub dying: u64,
    /// Of `ended.reset`, those that a SYN reopened in TIME_WAIT or CLOSE: their client port was reused.
    pub reopened: u64,
    /// SYNs that met an entry in CLOSE_WAIT, FIN_WAIT or LAST_ACK and were ignored: a client port reused too soon.
    pub syn_ignored: u64,
    /// Inserted with the source translated.
    pub snat: u64,
    /// Inserted with the destination translated.
    pub dnat: u64,
    /// Inserted with a helper.
    pub helper: u64,
    /// Ended without ever having seen a reply.
    pub unreplied: u64,
    /// Ended assured.
    pub assured: u64,
    /// Σ end times − Σ insert times, in milliseconds since the probes were attached. Alone it means little:
    /// `analysis` turns it into entry-seconds and a mean lifetime.
    pub age_ms: i64,
    /// TCP entries by the state they ended in, indexed as [`ctwatch_common::tcp::NAMES`].
    pub tcp_last: [u64; ctwatch_common::tcp::COUNT],
}

impl Counters {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.ended = self.ended + other.ended;
        self.refused += other.refused;
        self.insert_failed += other.insert_failed;
        self.clash_dropped += other.clash_dropped;
        self.clash_merged += other.clash_merged;
        self.nat_exhausted += other.nat_exhausted;
        self.chain_too_long += other.chain_too_long;
        self.dying += other.dying;
        self.reopened += other.reopened;
        self.syn_ignored += other.syn_ignored;
        self.snat += other.snat;
        self.dnat += other.dnat;
        self.helper += other.helper;
        self.unreplied += other.unreplied;
        self.assured += other.assured;
        self.age_ms += other.age_ms;
        for (mine, theirs) in self.tcp_last.iter_mut().zip(other.tcp_last) {
            *mine += theirs;
        }
    }
}
