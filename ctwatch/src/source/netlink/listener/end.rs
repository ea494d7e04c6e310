//! Why an entry ended, from what its last message or its record tells.

use ctwatch_common::tcp;

use crate::model::{
    endpoint::Protocol,
    entry::{Entry, State},
    status,
};

/// `enum tcp_conntrack`: the states in which a new SYN removes an entry to begin anew, and a reset leaves it.
const TIME_WAIT: State = State(7);
const CLOSE: State = State(8);

/// What is known of an entry when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) replied: bool,
    pub(super) assured: bool,
    /// Of a TCP entry.
    pub(super) tcp: Option<State>,
}

/// Why it ended, as far as it alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Expired,
    Reset,
    Deleted,
    NetnsGone,
    Other,
    /// Nobody told of it: counted as other.
    Lost,
    /// `early_drop` may have removed it; the kernel's counter tells.
    Evictable(Otherwise),
}

/// What an end that may be an eviction is, if it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    Other,
    Lost,
    Reset,
    /// It was in its last second: the least likely of the three to have been evicted.
    Expired,
}

/// How much time an entry had left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Some,
    /// Less than a second, if any.
    Hardly,
    None,
}

impl Last {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            replied: entry.has(status::SEEN_REPLY),
            assured: entry.has(status::ASSURED),
            tcp: entry.state.filter(|_| entry.protocol == Protocol::TCP),
        }
    }

    /// The index of the last state in what counts them.
    pub(super) fn tcp_index(&self) -> Option<usize> {
        let index = usize::from(self.tcp?.0);
        (index < tcp::COUNT).then_some(index)
    }

    /// The cause, when the kernel removed it by itself.
    ///
    /// The tracker removes an unreplied entry at once when its answer is a reset, which leaves it in CLOSE
    /// (`nf_conntrack_tcp_packet`), and one in TIME_WAIT or CLOSE when a SYN reopens it. `early_drop` never takes
    /// assured entries.
    pub(super) fn cause(&self, left: Left) -> Cause {
        let closed = matches!(self.tcp, Some(TIME_WAIT | CLOSE));
        match left {
            Left::None => Cause::Expired,
            Left::Hardly if self.assured => Cause::Expired,
            Left::Hardly => Cause::Evictable(Otherwise::Expired),
            Left::Some if self.tcp == Some(CLOSE) && !self.replied => Cause::Reset,
            Left::Some if self.assured && closed => Cause::Reset,
            Left::Some if self.assured => Cause::Other,
            Left::Some if closed => Cause::Evictable(Otherwise::Reset),
            Left::Some => Cause::Evictable(Otherwise::Other),
        }
    }
}
