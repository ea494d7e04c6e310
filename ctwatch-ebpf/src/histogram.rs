//! Lifetimes of sampled entries of the busiest endpoints.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap},
};
use ctwatch_common::{
    limits::{self, BUCKETS},
    slot::Histogram,
};

use crate::{count::add_one, slots};

/// Histograms of lifetimes; 0 is nobody's.
#[map]
static HISTOGRAMS: Array<Histogram> = Array::with_max_entries(limits::HISTOGRAMS, BPF_F_MMAPABLE);

/// When sampled entries were inserted, in jiffies, by `struct nf_conn` address.
#[map]
static BIRTHS: HashMap<u64, u64> = HashMap::with_max_entries(limits::BIRTHS, 0);

/// One entry in sixteen, by its address in the slab.
#[inline(always)]
fn is_sampled(address: u64) -> bool {
    (address as u32).wrapping_mul(0x9E37_79B1) >> 28 == 0
}

/// Notes the birth of a sampled entry of an endpoint that has a histogram.
#[inline(always)]
pub(crate) fn born(slot: u32, address: u64, now: u64) {
    if is_sampled(address) && slots::histogram(slot) != 0 {
        // Full: this entry is left out of the sample.
        let _ = BIRTHS.insert(&address, &now, 0);
    }
}

/// Counts the lifetime of a sampled entry whose birth was seen.
#[inline(always)]
pub(crate) fn died(slot: u32, address: u64, now: u64) {
    if !is_sampled(address) {
        return;
    }
    let index = slots::histogram(slot);
    if index == 0 {
        return;
    }
    let Some(born) = BIRTHS.get_ptr(&address) else {
        return;
    };
    // SAFETY: a map value; only this entry's end removes it, and it ends once.
    let lived = now.wrapping_sub(unsafe { *born });
    let _ = BIRTHS.remove(&address);
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
fn bucket(lived: u64) -> usize {
    let mut rest = if lived > u64::from(u32::MAX >> 1) {
        u32::MAX >> 1
    } else {
        lived as u32
    };
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
