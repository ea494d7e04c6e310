//! Which slots' counters may have moved.

use std::{mem::offset_of, ops::Range};

use ctwatch_common::{
    limits::SLOTS,
    slot::{Cold, Hot},
};

use super::mapped::Mapped;

const WORD: usize = size_of::<u64>();
/// Words of [`Hot`] of which one moves with each entry that begins or ends and each that is refused.
const MOVING: Range<usize> = offset_of!(Hot, inserted) / WORD..offset_of!(Hot, refused) / WORD + 1;
const _: () = assert!(offset_of!(Hot, inserted).is_multiple_of(WORD));
const _: () = assert!(offset_of!(Hot, inserted) < offset_of!(Hot, ended));
const _: () = assert!(offset_of!(Hot, ended) < offset_of!(Hot, refused));
const _: () = assert!(size_of::<Cold>().is_multiple_of(WORD));

/// Slots looked at together: their sums fit into the nearest cache.
const BLOCK: usize = 256;

/// A slot's counters in two words that move when one of them does, read in a fraction of the time that adding up counter by
/// counter takes: counters only grow, and so do their sums, which are the same again after 2³¹ events at the earliest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    hot: u32,
    cold: u32,
}

/// Counters as the kernel side writes them.
#[derive(Clone, Copy)]
pub(super) struct Arrays<'a> {
    pub(super) hot: &'a Mapped<Hot>,
    /// `None`: these are not looked at, and stay as they were.
    pub(super) cold: Option<&'a Mapped<Cold>>,
    pub(super) cpus: u32,
}

impl Arrays<'_> {
    /// Slots, the first of `marks` being slot 0, that are not as they were marked.
    pub(super) fn unlike(&self, marks: &[Mark]) -> Vec<u32> {
        let mut unlike = Vec::new();
        let mut first = 0;
        for block in marks.chunks(BLOCK) {
            let now = self.marks::<BLOCK>(first, block);
            let differs = now.iter().zip(block).enumerate();
            let differs = differs.filter(|(_, (now, before))| now != before);
            unlike.extend(differs.map(|(n, _)| (first + n) as u32));
            first += block.len();
        }
        unlike
    }

    /// A slot as it is now.
    pub(super) fn mark(&self, slot: usize, before: Mark) -> Mark {
        self.marks::<1>(slot, &[before])[0]
    }

    /// Up to `N` slots from the `first` on as they are now.
    fn marks<const N: usize>(&self, first: usize, before: &[Mark]) -> [Mark; N] {
        let mut marks = [Mark::default(); N];
        let mut sums = [0; N];
        let count = before.len().min(N);
        for cpu in 0..self.cpus {
            let at = (cpu * SLOTS) as usize + first;
            self.hot.add_words(at, MOVING, &mut sums[..count]);
        }
        for (mark, sum) in marks.iter_mut().zip(sums) {
            mark.hot = folded(sum);
        }
        let Some(cold) = self.cold else {
            for (mark, before) in marks.iter_mut().zip(before) {
                mark.cold = before.cold;
            }
            return marks;
        };
        let mut sums = [0; N];
        for cpu in 0..self.cpus {
            let at = (cpu * SLOTS) as usize + first;
            cold.add_words(at, 0..Mapped::<Cold>::WORDS, &mut sums[..count]);
        }
        for (mark, sum) in marks.iter_mut().zip(sums) {
            mark.cold = folded(sum);
        }
        marks
    }
}

/// Both halves of a sum of pairs of counters.
fn folded(sum: u64) -> u32 {
    (sum as u32).wrapping_add((sum >> 32) as u32)
}
