//! Times in which nothing was watched.

use serde::{Deserialize, Serialize};

/// A time within a recording in which nothing was watched: nf_conntrack had been unloaded, for one. Nothing that
/// happened in it is in any sample, and the kernel's counters may begin anew after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it began, Unix time in milliseconds; as exactly as it was noticed.
    pub from_ms: i64,
    /// When watching went on, Unix time in milliseconds; the end of the recording where it did not.
    pub to_ms: i64,
    /// Why, for people.
    pub reason: String,
}
