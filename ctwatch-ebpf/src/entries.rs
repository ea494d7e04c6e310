//! What is remembered of an entry from its insert to its end: the endpoint it is counted under, its birth, and why it
//! ends once that is known. Direct-mapped by the address of its `struct nf_conn`, which is unique while it lives.
//!
//! Two entries may want one place: the later takes it, and the earlier is looked at anew when it ends. So all but the
//! birth is one word, written and read at once: whatever CPUs race for a place, a word tells of one entry.

use aya_ebpf::{macros::map, maps::Array};
use ctwatch_common::{cause, event::AGE_UNKNOWN};

use crate::globals;

/// Places; the loader sets the size, a power of two, and [`globals::entries_mask`].
#[map]
static ENTRIES: Array<Entry> = Array::with_max_entries(1, 0);

/// A place.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Tag of the entry's address, slot, cause, and whether it is TCP; 0: nobody's.
    word: u64,
    /// `jiffies` at its insert, the low half.
    born: u32,
    pad: u32,
}

// Bits of the word, from the lowest: cause + 1 (0: none yet), TCP, slot, tag.
const CAUSE_BITS: u32 = 4;
const TCP_BIT: u64 = 1 << CAUSE_BITS;
const SLOT_SHIFT: u32 = CAUSE_BITS + 1;
const SLOT_BITS: u32 = 17;
const TAG_SHIFT: u32 = SLOT_SHIFT + SLOT_BITS;
const CAUSE_MASK: u64 = (1 << CAUSE_BITS) - 1;

const _: () = assert!(ctwatch_common::limits::SLOTS <= 1 << SLOT_BITS);
const _: () = assert!((cause::COUNT as u64) < CAUSE_MASK);

/// What was remembered of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Remembered {
    word: u64,
    born: u32,
}

impl Remembered {
    /// The endpoint's slot.
    #[inline(always)]
    pub(crate) fn slot(self) -> u32 {
        (self.word >> SLOT_SHIFT) as u32 & ((1 << SLOT_BITS) - 1)
    }

    /// Why it ends, if that is known.
    #[inline(always)]
    pub(crate) fn cause(self) -> Option<u32> {
        ((self.word & CAUSE_MASK) as u32).checked_sub(1)
    }

    /// Whether its protocol is TCP.
    #[inline(always)]
    pub(crate) fn is_tcp(self) -> bool {
        self.word & TCP_BIT != 0
    }

    /// Jiffies since its insert; `now` is `jiffies_64`.
    #[inline(always)]
    pub(crate) fn age(self, now: u64) -> u32 {
        (now as u32).wrapping_sub(self.born).min(AGE_UNKNOWN - 1)
    }
}

/// Remembers an entry that is being inserted.
#[inline(always)]
pub(crate) fn remember(address: u64, slot: u32, is_tcp: bool, now: u64) {
    let Some(place) = place(address) else { return };
    let tcp = if is_tcp { TCP_BIT } else { 0 };
    // SAFETY: a map value. Readers check the word's tag; a birth that another entry writes meanwhile is that one's.
    unsafe {
        (*place).born = now as u32;
        core::ptr::write_volatile(
            &raw mut (*place).word,
            tag(address) | u64::from(slot) << SLOT_SHIFT | tcp,
        );
    }
}

/// What became of noting a cause.
pub(crate) enum Noted {
    /// It is noted.
    Yes,
    /// Another cause had been noted before, and stays.
    Already,
    /// The entry is not remembered.
    No,
}

/// Notes why a remembered entry ends.
#[inline(always)]
pub(crate) fn note_cause(address: u64, cause: u32) -> Noted {
    let Some(place) = place(address) else {
        return Noted::No;
    };
    // SAFETY: a map value. Should another entry take the place in between, it is overwritten, and looked at anew when it
    // ends.
    unsafe {
        let word = core::ptr::read_volatile(&raw const (*place).word);
        if !is_of(word, address) {
            return Noted::No;
        }
        if word & CAUSE_MASK != 0 {
            return Noted::Already;
        }
        core::ptr::write_volatile(&raw mut (*place).word, word | u64::from(cause + 1));
    }
    Noted::Yes
}

/// What is remembered of an entry; it is forgotten.
#[inline(always)]
pub(crate) fn take(address: u64) -> Option<Remembered> {
    let place = place(address)?;
    // SAFETY: as in `note_cause`.
    unsafe {
        let word = core::ptr::read_volatile(&raw const (*place).word);
        if !is_of(word, address) {
            return None;
        }
        let born = (*place).born;
        core::ptr::write_volatile(&raw mut (*place).word, 0);
        Some(Remembered { word, born })
    }
}

/// Bits 6 to 47 of the address: objects of a slab are at least 64 bytes apart, and the kernel's memory spans less than
/// 2⁴⁸ bytes.
#[inline(always)]
fn tag(address: u64) -> u64 {
    (address >> 6) << TAG_SHIFT
}

#[inline(always)]
fn is_of(word: u64, address: u64) -> bool {
    (word ^ tag(address)) >> TAG_SHIFT == 0
}

/// The place of an entry: neighbours in a slab, 256 bytes apart, have neighbouring places.
#[inline(always)]
fn place(address: u64) -> Option<*mut Entry> {
    ENTRIES.get_ptr_mut((address >> 8) as u32 & globals::entries_mask())
}
