//! Whether a slot's counters moved.

use ctwatch_common::{
    limits::SLOTS,
    slot::{Cold, Hot},
};

use super::mapped::Mapped;

/// Words of [`Hot`] that are ages: they come first.
const AGES: usize = 1;
const _: () = assert!(std::mem::offset_of!(Hot, inserted) == AGES * size_of::<u64>());
const _: () = assert!(size_of::<Cold>().is_multiple_of(size_of::<u64>()));

/// A word that moves when one of a slot's counters does, read in a fraction of the time that adding up counter by counter
/// takes: counters only grow, and so does their sum. Ages go both ways; times a large odd number they do not make up for
/// what counters moved by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Mark {
    /// The mark of a slot over all CPUs.
    #[inline]
    pub(super) fn of(hot: &Mapped<Hot>, cold: &Mapped<Cold>, cpus: u32, slot: usize) -> Self {
        let (mut ages, mut counters) = (0_u64, 0_u64);
        for cpu in 0..cpus {
            let index = (cpu * SLOTS) as usize + slot;
            ages = ages.wrapping_add(hot.sum_of_words(index, 0..AGES));
            counters = counters
                .wrapping_add(hot.sum_of_words(index, AGES..Mapped::<Hot>::WORDS))
                .wrapping_add(cold.sum_of_words(index, 0..Mapped::<Cold>::WORDS));
        }
        Self(ages.wrapping_mul(SPREAD).wrapping_add(counters))
    }
}
