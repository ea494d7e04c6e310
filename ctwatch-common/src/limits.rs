//! Sizes of the maps.

/// Endpoint slots. Slot 0 takes what no slot was left for, so that nothing goes uncounted.
pub const SLOTS: u32 = 69_632;
/// Slot 0: everything that could not be attributed.
pub const UNATTRIBUTED: u32 = 0;
/// Slots are handed out in runs of this many, one run to a CPU at a time: Linux 5.10 has no atomic fetch-and-add.
pub const RUN: u32 = 64;
/// Entries between `nf_ct_delete` and `nf_conntrack_free` whose cause is being kept.
pub const PENDING: u32 = 16_384;
/// Own addresses of all network namespaces together.
pub const LOCAL_ADDRESSES: u32 = 16_384;
/// Network namespaces whose addresses are known.
pub const NAMESPACES: u32 = 4_096;
/// Endpoints that have a histogram of lifetimes.
pub const HISTOGRAMS: u32 = 1_024;
/// Fewest and most places in which entries are remembered from insert to end, powers of two.
pub const ENTRIES: (u32, u32) = (1 << 14, 1 << 20);
/// Pairs of endpoints, victims and newcomers, that a CPU counts evictions of. Record 0 takes what finds no room.
pub const PAIRS: u32 = 8_192;
/// Buckets of a histogram: bucket n counts lifetimes of 2^(n-1) up to 2^n jiffies, bucket 0 those below one.
pub const BUCKETS: usize = 32;
/// Endpoints whose refused packets are counted without probes.
pub const REFUSED: u32 = 16_384;
