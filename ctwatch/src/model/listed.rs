//! An entry as a listing tells it: what a dump over netlink would give, and what only people ask for.

use super::entry::Entry;

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The entry. Listings show neither expectations nor adjusted sequence numbers; what a form leaves out is as if
    /// unset.
    pub entry: Entry,
    /// What the original direction carried; `None` without accounting (nf_conntrack_acct).
    pub original: Option<Carried>,
    /// What the reply direction carried.
    pub reply: Option<Carried>,
    /// Age in seconds (`delta-time`); `None` without time stamps (nf_conntrack_timestamp).
    pub age_seconds: Option<u64>,
}
