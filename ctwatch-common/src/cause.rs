//! Why an entry ended. Indexes into [`crate::slot::Hot::ended`].

/// Its timeout had passed.
pub const EXPIRED: u32 = 0;
/// `early_drop` removed it for a newcomer at a full table (the kernel's `early_drop` counter).
pub const EVICTED: u32 = 1;
/// `gc_worker` removed it with time left, above 95 % fill (counted by no kernel statistic).
pub const EVICTED_BACKGROUND: u32 = 2;
/// The protocol tracker removed it: a SYN reopened it, or a reset ended it.
pub const RESET: u32 = 3;
/// Userspace removed it through ctnetlink (`conntrack -D`, `-F`).
pub const DELETED: u32 = 4;
/// Its network namespace went away.
pub const NETNS_GONE: u32 = 5;
/// Anything else: IPVS, NAT port reclaim, masquerade teardown, a stale extension, or a cause that was missed.
pub const OTHER: u32 = 6;
/// A SYN reopened it: counted as [`RESET`], and by itself where it was in TIME_WAIT or CLOSE.
pub const REOPENED: u32 = 7;
/// Number of causes that are counted.
pub const COUNT: usize = 7;
