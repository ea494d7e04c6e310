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

/// Sums that move when one of a slot's counters does, read in a fraction of the time that adding up counter by counter
/// takes: counters only grow, and so does their sum. Ages go both ways and are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    ages: u64,
    counters: u64,
}

impl Mark {
    /// The mark of a slot over all CPUs.
    #[inline]
    pub(super) fn of(hot: &Mapped<Hot>, cold: &Mapped<Cold>, cpus: u32, slot: usize) -> Self {
        let mut mark = Self::default();
        for cpu in 0..cpus {
            let index = (cpu * SLOTS) as usize + slot;
            let ages = hot.sum_of_words(index, 0..AGES);
            let counters = hot
                .sum_of_words(index, AGES..Mapped::<Hot>::WORDS)
                .wrapping_add(cold.sum_of_words(index, 0..Mapped::<Cold>::WORDS));
            mark.ages = mark.ages.wrapping_add(ages);
            mark.counters = mark.counters.wrapping_add(counters);
        }
        mark
    }
}
