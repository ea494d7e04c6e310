//! What a table costs, and how large its hash should be.

/// Bytes an entry takes: a slab object of 256 and, with any extension, 128 more.
pub(super) const ENTRY: u64 = 384;

/// Bytes a bucket takes.
pub(super) const BUCKET: u64 = 8;

/// Entries a bucket at the limit that are too many: each entry hangs in two chains.
const CROWDED: u64 = 4;

/// The kernel rounds the number of buckets up to whole pages of this many.
const PAGE: u64 = 512;

/// Whether chains of a full table with this limit would be too long.
pub(super) fn is_crowded(max: u64, buckets: u64) -> bool {
    max > buckets.saturating_mul(CROWDED)
}

/// Buckets for a limit: half of it, so that chains of a full table hold four on average.
pub(super) fn buckets_for(max: u64) -> u64 {
    (max / 2).checked_next_multiple_of(PAGE).unwrap_or(max / 2)
}

/// Bytes of a full table.
pub(super) fn bytes(max: u64, buckets: u64) -> u64 {
    max.saturating_mul(ENTRY)
        .saturating_add(buckets.saturating_mul(BUCKET))
}
