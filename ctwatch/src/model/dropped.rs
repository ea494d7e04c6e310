//! Packets that may have been refused an entry.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// Packets without an entry that netfilter dropped over some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// By the endpoint their connection would have had.
    pub packets: Vec<(Endpoint, u64)>,
    /// Those of no endpoint: there was no room for one more, or the tuple was out of reach.
    pub lost: u64,
}
