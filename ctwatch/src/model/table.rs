//! A namespace's table as the kernel's own files describe it.

use serde::{Deserialize, Serialize};

use super::endpoint::Netns;

/// `/proc/net/stat/nf_conntrack`, summed over CPUs. The kernel's counters are 32 bits wide a CPU and wrap;
/// the source unwraps them, so these only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelStats {
    /// Lookups that found a tuple taken (NAT).
    pub found: u64,
    /// Packets that could not be tracked.
    pub invalid: u64,
    /// Entries inserted by ctnetlink; the packet path is not counted here.
    pub insert: u64,
    /// Entries that could not be inserted.
    pub insert_failed: u64,
    /// Packets dropped: refused allocations and, among others, unresolved clashes.
    pub drop: u64,
    /// Entries evicted for newcomers.
    pub early_drop: u64,
    /// Clashes resolved; `None` before 5.10.
    pub clash_resolve: Option<u64>,
    /// Inserts given up because a hash chain was too long; `None` before 5.15.
    pub chaintoolong: Option<u64>,
}

/// One namespace's table at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Namespace.
    pub netns: Netns,
    /// `nf_conntrack_count`; includes entries that are not in the hash yet. `None` where it could not be read.
    pub count: Option<u64>,
    /// `nf_conntrack_max`; one global limit that each namespace's own count is compared with; 0 is unlimited
    /// before Linux 7.
    pub max: Option<u64>,
    /// `nf_conntrack_buckets`.
    pub buckets: Option<u64>,
    /// Statistics since the namespace was made; `None` where they could not be read.
    pub stats: Option<KernelStats>,
}
