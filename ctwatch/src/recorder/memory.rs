//! Memory of large vectors goes back to the system when they are dropped.
#![allow(unsafe_code, reason = "a setting of the C library")]

/// Values of this size and more get a mapping of their own, in bytes.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: i32 = 256 * 1024;

/// glibc raises this limit to the largest mapping that was ever dropped; what grew below it, endpoint by endpoint, then left
/// holes of ten mebibytes in the heap.
pub(super) fn keep_holes_out() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it changes how later allocations are made, and nothing of those there are.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
    }
}
