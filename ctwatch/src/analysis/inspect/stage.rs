//! Where in its life an entry is.

use crate::model::{
    entry::{Entry, State},
    status,
};

/// The state, or for protocols without one what there is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
