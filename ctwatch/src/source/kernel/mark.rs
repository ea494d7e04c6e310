//! Whether a slot's counters moved.

use std::mem::offset_of;

use ctwatch_common::{
    limits::SLOTS,
    slot::{Cold, Hot},
};

use super::mapped::Mapped;

const WORD: usize = size_of::<u64>();
/// Words of [`Hot`] of which one moves with each entry that begins or ends and each that is refused.
const MOVING: std::ops::Range<usize> =
    offset_of!(Hot, inserted) / WORD..offset_of!(Hot, refused) / WORD + 1;
const _: () = assert!(offset_of!(Hot, inserted).is_multiple_of(WORD));
const _: () = assert!(offset_of!(Hot, inserted) < offset_of!(Hot, ended));
const _: () = assert!(offset_of!(Hot, ended) < offset_of!(Hot, refused));
const _: () = assert!(size_of::<Cold>().is_multiple_of(WORD));

/// Words that move when one of a slot's counters does, read in a fraction of the time that adding up counter by counter
/// takes: counters only grow, and so do their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    hot: u64,
    cold: u64,
}

impl Mark {
    /// The mark of a slot over all CPUs, as far as it is to be looked at: without `cold`, that part is as it was `before`.
    #[inline]
    pub(super) fn of(
        hot: &Mapped<Hot>,
        cold: Option<&Mapped<Cold>>,
        cpus: u32,
        slot: usize,
        before: Self,
    ) -> Self {
        let mut mark = Self::default();
        for cpu in 0..cpus {
            let index = (cpu * SLOTS) as usize + slot;
            mark.hot = mark.hot.wrapping_add(hot.sum_of_words(index, MOVING));
            if let Some(cold) = cold {
                let words = 0..Mapped::<Cold>::WORDS;
                mark.cold = mark.cold.wrapping_add(cold.sum_of_words(index, words));
            }
        }
        if cold.is_none() {
            mark.cold = before.cold;
        }
        mark
    }
}
