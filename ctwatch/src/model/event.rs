//! One connection that was refused, or one entry that was evicted.

use std::{fmt, str::FromStr};

use ctwatch_common::event::reason;
use serde::{Deserialize, Serialize};

use super::{
    endpoint::Endpoint,
    entry::{State, Tuple},
};

/// Why; the words are those of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The table was full and nothing could be evicted.
    TableFull,
    /// Evicted for a newcomer at a full table.
    EarlyDrop,
    /// Evicted by garbage collection with time left, above 95 % fill.
    GcEviction,
    /// Another packet of the flow had made its entry first, and the two could not be merged.
    Clash,
    /// The entry's hash chain was too long.
    ChainTooLong,
    /// NAT found no port that was free: another connection has the translated tuple.
    NatExhausted,
    /// The entry was deleted before its first packet had passed.
    Dying,
    /// The tracker called the packet invalid, or ignored it.
    Invalid,
}

impl Reason {
    /// All of them, in the order of the kernel side's numbers ([`reason`]).
    pub const ALL: [Self; reason::COUNT] = [
        Self::TableFull,
        Self::EarlyDrop,
        Self::GcEviction,
        Self::Clash,
        Self::ChainTooLong,
        Self::NatExhausted,
        Self::Dying,
        Self::Invalid,
    ];

    /// The reason that the kernel side numbers so.
    #[must_use]
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The word of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let number = Self::ALL.iter().position(|reason| *reason == self);
        number.map_or("", |number| reason::NAMES[number])
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == word);
        known.ok_or_else(|| format!("no such reason: {word}"))
    }
}

/// What an evicted entry was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// TCP state; `None` for other protocols.
    pub state: Option<State>,
    /// Status bits ([`super::status`]).
    pub status: u32,
    /// Milliseconds since it was put into the table; `None` where that was not seen.
    pub age_ms: Option<u64>,
    /// Milliseconds until it would have expired.
    pub left_ms: u64,
}

/// Somebody else's connection in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// What it is counted under.
    pub endpoint: Endpoint,
    /// Original direction.
    pub original: Tuple,
}

/// The beginning of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// From the network header on.
    pub bytes: Vec<u8>,
    /// Its length on the wire from the network header on.
    pub whole_length: u32,
}

/// One connection refused, or one entry evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unix time in nanoseconds, from a clock that does not jump: it was matched with the wall clock when watching
    /// began.
    pub at_ns: i64,
    /// Why.
    pub reason: Reason,
    /// Processor.
    pub cpu: u32,
    /// What the refused connection or the evicted entry is counted under: namespace, role and port.
    pub endpoint: Endpoint,
    /// Zone; `None` where this kernel has none, or it was out of reach.
    pub zone: Option<u16>,
    /// Original direction of the refused connection or the evicted entry.
    pub original: Tuple,
    /// For evictions: what the entry was.
    pub evicted: Option<Evicted>,
    /// For evictions the newcomer, for clashes whoever had come before; `None` where nobody was, or it was not told.
    pub other: Option<Other>,
    /// The refused packet, where there was one and it was asked for.
    pub packet: Option<Packet>,
}

/// Evictions of one endpoint's entries by newcomers of another, exactly counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eviction {
    /// Whose entries went.
    pub victim: Endpoint,
    /// Whose connections came; `None` where that was not told.
    pub newcomer: Option<Endpoint>,
    /// How many.
    pub evicted: u64,
}

/// Which events the kernel side should send, and how many. What is left out is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many in a second from each processor.
    pub per_second: u32,
    /// With the beginning of the packet, where there is one.
    pub packets: bool,
    /// Invalid packets, too.
    pub invalid: bool,
    /// Of this namespace only, by inode number.
    pub netns: Option<u32>,
    /// In which this port is the destination of the refused connection, the evicted entry or the other one.
    pub port: Option<u16>,
}

impl Wanted {
    /// What a recording keeps: a few in each second.
    pub const SAMPLE: Self = Self {
        per_second: 20,
        packets: false,
        invalid: false,
        netns: None,
        port: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_the_kernel_sides_numbers_and_words() {
        for (number, reason) in (0..).zip(Reason::ALL) {
            assert_eq!(Reason::numbered(number), Some(reason));
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!(Reason::numbered(8), None);
        assert_eq!(Reason::ChainTooLong.as_str(), "chain_too_long");
    }
}
