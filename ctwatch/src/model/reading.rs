//! What a source saw since it was asked before.

use super::{counters::Counters, endpoint::Endpoint, sample::Losses};

/// Counts since the reading before, without the tables that make a sample of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Endpoints whose counters moved, with by how much; each once.
    pub deltas: Vec<(Endpoint, Counters)>,
    /// What could not be attributed to an endpoint.
    pub unattributed: Counters,
    /// Losses.
    pub losses: Losses,
}

impl Reading {
    /// Whether nothing moved. What was lost does not move anything.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.deltas.is_empty() && self.unattributed.is_zero()
    }
}
