//! Lifetimes of sampled entries of the busiest endpoints.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use ctwatch_common::{
    limits::{self, BUCKETS},
    slot::Histogram,
};

use crate::{count::add_one, slots};

/// Histograms of lifetimes; 0 is nobody's.
#[map]
static HISTOGRAMS: Array<Histogram> = Array::with_max_entries(limits::HISTOGRAMS, BPF_F_MMAPABLE);

/// One entry in sixteen, by its address in the slab.
#[inline(always)]
fn is_sampled(address: u64) -> bool {
    (address as u32).wrapping_mul(0x9E37_79B1) >> 28 == 0
}

/// Counts the lifetime of a sampled entry, in jiffies, if its endpoint has a histogram.
#[inline(always)]
pub(crate) fn died(slot: u32, address: u64, lived: u32) {
    if !is_sampled(address) {
        return;
    }
    let index = slots::histogram(slot);
    if index == 0 {
        return;
    }
    let Some(histogram) = HISTOGRAMS.get_ptr_mut(index) else {
        return;
    };
    // SAFETY: in a map value, and the index is masked.
    unsafe {
        let buckets: *mut u32 = (&raw mut (*histogram).buckets).cast();
        add_one(buckets.add(bucket(lived) & (BUCKETS - 1)));
    }
}

/// Position of the highest bit set, plus one: by halves, for this instruction set has no bit scan.
#[inline(always)]
fn bucket(lived: u32) -> usize {
    let mut rest = lived.min(u32::MAX >> 1);
    let mut bits = 0;
    if rest >> 16 != 0 {
        bits += 16;
        rest >>= 16;
    }
    if rest >> 8 != 0 {
        bits += 8;
        rest >>= 8;
    }
    if rest >> 4 != 0 {
        bits += 4;
        rest >>= 4;
    }
    if rest >> 2 != 0 {
        bits += 2;
        rest >>= 2;
    }
    bits + match rest {
        0 => 0,
        1 => 1,
        _ => 2,
    }
}
