//! What is remembered of one entry: 16 bytes, for there may be millions.

use super::end::{Cause, Last, Left, Otherwise};
use crate::model::{
    entry::{Entry, State},
    status,
};

const REPLIED: u8 = 1 << 0;
const ASSURED: u8 = 1 << 1;
/// A dump showed it, and no event has told of it yet.
const UNANNOUNCED: u8 = 1 << 2;
/// It was there before anybody listened: the kernel may never tell of its end.
const BEFORE: u8 = 1 << 3;
/// Dumps do not show it.
const HIDDEN: u8 = 1 << 4;
const SNAT: u8 = 1 << 5;
const DNAT: u8 = 1 << 6;
const HELPED: u8 = 1 << 7;

/// An endpoint's number in its namespace.
pub(super) type Number = u32;

/// In [`Record::state`]: not TCP, or not known.
const NO_STATE: u8 = u8::MAX;

/// An entry that is in the table as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// What it is counted under.
    pub(super) endpoint: Number,
    /// When it was first seen, in milliseconds since the start; wraps after 49 days.
    born_ms: u32,
    /// When it expires unless it is used, in tenths of a second since the start.
    deadline_ds: u32,
    /// The last dump that showed it.
    pub(super) generation: u16,
    state: u8,
    flags: u8,
}

impl Record {
    pub(super) fn new(endpoint: Number, now_ms: u64) -> Self {
        Self {
            endpoint,
            born_ms: now_ms as u32,
            deadline_ds: 0,
            generation: 0,
            state: NO_STATE,
            flags: 0,
        }
    }

    /// Takes over what a message tells of it. An event tells the state only where that changed.
    pub(super) fn update(&mut self, entry: &Entry, now_ms: u64) {
        let last = Last::of(entry);
        self.set(REPLIED, last.replied);
        self.set(ASSURED, last.assured);
        self.set(HIDDEN, entry.has(status::NAT_CLASH));
        let new = Insert::of(entry);
        self.set(SNAT, new.snat);
        self.set(DNAT, new.dnat);
        self.set(HELPED, new.helped);
        if let Some(State(state)) = last.tcp {
            self.state = state;
        }
        // Entries that a flowtable carries have none.
        if let Some(seconds) = entry.timeout_seconds {
            let deadline = now_ms / 100 + u64::from(seconds) * 10;
            self.deadline_ds = u32::try_from(deadline).unwrap_or(u32::MAX);
        }
    }

    pub(super) fn last(&self) -> Last {
        Last {
            replied: self.is(REPLIED),
            assured: self.is(ASSURED),
            tcp: (self.state != NO_STATE).then_some(State(self.state)),
        }
    }

    /// Why it ended, when no event told: expired if its time was over by then, otherwise perhaps evicted. A state of
    /// long ago explains nothing.
    pub(super) fn cause(&self, now_ms: u64) -> Cause {
        if self.is_due(now_ms) {
            return Cause::Expired;
        }
        match self.last().cause(Left::Some) {
            Cause::Evictable(_) => Cause::Evictable(Otherwise::Lost),
            _ => Cause::Lost,
        }
    }

    /// As it was inserted.
    pub(super) fn insert(&self) -> Insert {
        Insert {
            snat: self.is(SNAT),
            dnat: self.is(DNAT),
            helped: self.is(HELPED),
        }
    }

    /// Whether its timeout has passed, if nothing has used it since it was last told of.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        u64::from(self.deadline_ds) <= now_ms / 100
    }

    pub(super) fn lived_ms(&self, now_ms: u64) -> u64 {
        u64::from((now_ms as u32).wrapping_sub(self.born_ms))
    }

    pub(super) fn is_unannounced(&self) -> bool {
        self.is(UNANNOUNCED)
    }

    pub(super) fn set_unannounced(&mut self, is: bool) {
        self.set(UNANNOUNCED, is);
    }

    pub(super) fn is_from_before(&self) -> bool {
        self.is(BEFORE)
    }

    pub(super) fn set_from_before(&mut self, is: bool) {
        self.set(BEFORE, is);
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.is(HIDDEN)
    }

    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u8, is: bool) {
        if is {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }
}

/// What is counted of an entry's insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Insert {
    pub(super) snat: bool,
    pub(super) dnat: bool,
    pub(super) helped: bool,
}

impl Insert {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            snat: entry.is_source_translated(),
            dnat: entry.is_destination_translated(),
            helped: entry.helper.is_some() || entry.has(status::HELPER),
        }
    }
}

const _: () = assert!(size_of::<Record>() == 16);
