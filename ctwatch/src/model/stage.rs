//! Where in its life an entry is.

use serde::{Deserialize, Serialize};

use super::{
    entry::{Entry, State},
    status,
};

/// The state, or for protocols without one what there is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// A protocol's state.
    State(State),
    /// No reply was seen.
    Unreplied,
    /// A reply was seen.
    Replied,
    /// Packets went to and fro for some time.
    Assured,
}

impl Stage {
    /// Of an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        match entry.state {
            Some(state) => Self::State(state),
            None if !entry.is_replied() => Self::Unreplied,
            None if entry.has(status::ASSURED) => Self::Assured,
            None => Self::Replied,
        }
    }

    /// How many there are.
    pub const COUNT: usize = State::NAMES.len() + 4;

    /// Each has its own, below [`Self::COUNT`]; states that no kernel has share the last.
    #[must_use]
    pub fn number(self) -> usize {
        let states = State::NAMES.len();
        match self {
            Self::State(State(number)) if usize::from(number) < states => usize::from(number),
            Self::Unreplied => states,
            Self::Replied => states + 1,
            Self::Assured => states + 2,
            Self::State(_) => states + 3,
        }
    }

    /// Of its word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "UNREPLIED" => Self::Unreplied,
            "REPLIED" => Self::Replied,
            "ASSURED" => Self::Assured,
            _ => Self::State(State::from_name(name.as_bytes())?),
        })
    }

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::State(state) => state.name(),
            Self::Unreplied => "UNREPLIED",
            Self::Replied => "REPLIED",
            Self::Assured => "ASSURED",
        }
    }
}
