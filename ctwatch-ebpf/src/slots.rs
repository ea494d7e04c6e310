//! Slots of endpoints: found by key, taken in runs.

use aya_ebpf::{
    EbpfContext,
    bindings::{BPF_F_MMAPABLE, BPF_NOEXIST},
    helpers::generated::bpf_get_prandom_u32,
    macros::map,
    maps::{Array, HashMap, Queue},
};
use aya_log_ebpf::warn;
use ctwatch_common::{
    endpoint::KeyWords,
    limits::{self, RUN, UNATTRIBUTED},
    slot::Owner,
};

use crate::{
    count::{self, Loss, add_one},
    globals,
    memory::read,
};

/// Who has a slot.
#[map]
static OWNERS: Array<Owner> = Array::with_max_entries(limits::SLOTS, BPF_F_MMAPABLE);

/// The slot of an endpoint (`EndpointKey`). Written by the kernel side alone.
#[map]
static KEYS: HashMap<KeyWords, u32> = HashMap::with_max_entries(limits::SLOTS, 0);

/// The endpoint that a CPU looked up last; the loader sets the size.
#[map]
static LAST: Array<Last> = Array::with_max_entries(1, 0);

/// First slots of the runs that are still free.
#[map]
static RUNS: Queue<u32> = Queue::with_max_entries(limits::SLOTS / limits::RUN, 0);

/// The endpoint that a CPU looked up last. Traffic comes in runs of one service, and comparing four words is much
/// cheaper than a look-up.
///
/// A program that is attached by fentry can be interrupted by another one, between any two accesses. So the check says
/// which slot and which key belong together.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Last {
    key: KeyWords,
    /// The slot, with [`folded`] of the key; 0 for none.
    check: u64,
    slot: u32,
    pad: u32,
}

/// A word of all of a key.
#[inline(always)]
fn folded(key: &KeyWords) -> u64 {
    key[0] ^ key[1] ^ key[2] ^ key[3]
}

/// The slot of an endpoint that has one.
#[inline(always)]
pub(crate) fn find(key: &KeyWords) -> Option<u32> {
    let last = LAST.get_ptr_mut(count::cpu())?;
    // SAFETY: this CPU's map value.
    unsafe {
        let slot = core::ptr::read_volatile(&raw const (*last).slot);
        let check = core::ptr::read_volatile(&raw const (*last).check);
        if slot != 0
            && check == folded(key) ^ u64::from(slot)
            && is_same(&raw const (*last).key, key)
        {
            return Some(slot);
        }
    }
    // SAFETY: a map value that is never removed while the programs are loaded.
    let slot = KEYS.get_ptr(key).map(|slot| unsafe { *slot })?;
    // SAFETY: as above.
    unsafe {
        core::ptr::write_volatile(&raw mut (*last).check, 0);
        core::ptr::write_volatile(&raw mut (*last).slot, slot);
        (*last).key = *key;
        core::ptr::write_volatile(&raw mut (*last).check, folded(key) ^ u64::from(slot));
    }
    Some(slot)
}

/// Compares word by word: `==` on arrays is a call of `memcmp` that goes byte by byte.
///
/// # Safety
///
/// `last` must point to a key.
#[inline(always)]
unsafe fn is_same(last: *const KeyWords, key: &KeyWords) -> bool {
    // SAFETY: the caller's promise.
    let [a, b, c, d] = unsafe { *last };
    (a ^ key[0]) | (b ^ key[1]) | (c ^ key[2]) | (d ^ key[3]) == 0
}

/// Takes a slot for an endpoint seen for the first time. Where none is left, everything goes to
/// [`UNATTRIBUTED`] and is counted as such.
#[inline(never)]
pub(crate) fn take<C: EbpfContext>(ctx: &C, key: &KeyWords, net: u64) -> u32 {
    let Some(slot) = next_free() else {
        if count::lose(Loss::Unattributed) == Some(0) {
            warn!(
                ctx,
                "all endpoint slots are in use; what comes now is counted but not attributed"
            );
        }
        return UNATTRIBUTED;
    };
    if KEYS.insert(key, &slot, u64::from(BPF_NOEXIST)).is_err() {
        // Another program was first: its slot is the one, and ours stays unused. No other error is possible, since
        // the map has room for every slot.
        return find(key).unwrap_or(UNATTRIBUTED);
    }
    if let Some(owner) = OWNERS.get_ptr_mut(slot) {
        let netns_inode = read(net + u64::from(globals::net_inum())).unwrap_or(0);
        // SAFETY: a map value that only the CPU that took the slot writes. The reader waits for `taken`.
        unsafe {
            *(&raw mut (*owner).key).cast::<KeyWords>() = *key;
            (*owner).netns_inode = netns_inode;
            core::ptr::write_volatile(&raw mut (*owner).taken, 1);
        }
    }
    slot
}

/// How often a slot is asked for that a program in between may have got as well.
const TRIES: usize = 4;

/// A slot of this CPU's run that nobody else gets. Programs attached by fentry interrupt each other, so that two on one
/// CPU can be here at once: a slot counts only for the one that nobody came to between its claim and its check.
#[inline(always)]
fn next_free() -> Option<u32> {
    let losses = count::losses()?;
    for _ in 0..TRIES {
        // SAFETY: a helper without arguments.
        let claim = unsafe { bpf_get_prandom_u32() };
        // SAFETY: this CPU's record.
        unsafe {
            core::ptr::write_volatile(&raw mut (*losses).claim, claim);
            let next = core::ptr::read_volatile(&raw const (*losses).run_next);
            if next >= core::ptr::read_volatile(&raw const (*losses).run_end) {
                let first = RUNS.pop().ok()??;
                if core::ptr::read_volatile(&raw const (*losses).run_end) > first {
                    // Somebody came in between and took a later run, which goes on.
                    continue;
                }
                // In this order: with the old end the new beginning is no run.
                core::ptr::write_volatile(&raw mut (*losses).run_next, first);
                core::ptr::write_volatile(&raw mut (*losses).run_end, first + RUN);
            }
            add_one(&raw mut (*losses).run_next);
            let taken = core::ptr::read_volatile(&raw const (*losses).run_next) - 1;
            if core::ptr::read_volatile(&raw const (*losses).claim) == claim {
                return Some(taken);
            }
        }
    }
    None
}

/// The histogram that userspace gave the slot's endpoint, or 0.
#[inline(always)]
pub(crate) fn histogram(slot: u32) -> u32 {
    OWNERS
        .get_ptr(slot)
        // SAFETY: a map value; userspace writes this member.
        .map_or(0, |owner| unsafe {
            core::ptr::read_volatile(&raw const (*owner).histogram)
        })
}
