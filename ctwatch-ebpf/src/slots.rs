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

/// What a CPU looked up last; the loader sets the size.
#[map]
static LAST: Array<Last> = Array::with_max_entries(1, 0);

/// First slots of the runs that are still free.
#[map]
static RUNS: Queue<u32> = Queue::with_max_entries(limits::SLOTS / limits::RUN, 0);

/// Where a tuple goes, as far as it decides under which endpoint it is counted: namespace, destination address, and in
/// the last word destination port, protocol and family.
pub(crate) type Target = [u64; 4];

/// The target that a CPU looked up last, of a tuple that comes from elsewhere. Traffic comes in runs of one service, and
/// comparing four words is much cheaper than finding out whose the addresses are.
///
/// A program that is attached by fentry can be interrupted by another one, between any two accesses. So the check says
/// which slot and which target belong together. It holds while the own addresses are the same ([`globals::epoch`]).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Last {
    target: Target,
    /// The slot and the epoch, with [`folded`] of the target; 0 for none.
    check: u64,
    slot: u32,
    pad: u32,
}

/// A word of all of a target, with its slot and the epoch.
#[inline(always)]
fn folded(target: &Target, slot: u32, epoch: u32) -> u64 {
    let sum = target[0] ^ target[1] ^ target[2] ^ target[3];
    sum ^ (u64::from(epoch) << 32 | u64::from(slot))
}

/// The slot of a target, if this CPU looked it up last.
#[inline(always)]
pub(crate) fn last(target: &Target) -> Option<u32> {
    let last = LAST.get_ptr_mut(count::cpu())?;
    // SAFETY: this CPU's map value.
    unsafe {
        let slot = core::ptr::read_volatile(&raw const (*last).slot);
        let check = core::ptr::read_volatile(&raw const (*last).check);
        (slot != 0
            && check == folded(target, slot, globals::epoch())
            && is_same(&raw const (*last).target, target))
        .then_some(slot)
    }
}

/// Remembers the slot of a target, which was found in this epoch.
#[inline(always)]
pub(crate) fn set_last(target: &Target, slot: u32, epoch: u32) {
    let Some(last) = LAST.get_ptr_mut(count::cpu()) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        core::ptr::write_volatile(&raw mut (*last).check, 0);
        core::ptr::write_volatile(&raw mut (*last).slot, slot);
        (*last).target = *target;
        core::ptr::write_volatile(&raw mut (*last).check, folded(target, slot, epoch));
    }
}

/// Compares word by word: `==` on arrays is a call of `memcmp` that goes byte by byte.
///
/// # Safety
///
/// `last` must point to a target.
#[inline(always)]
unsafe fn is_same(last: *const Target, target: &Target) -> bool {
    // SAFETY: the caller's promise.
    let [a, b, c, d] = unsafe { *last };
    (a ^ target[0]) | (b ^ target[1]) | (c ^ target[2]) | (d ^ target[3]) == 0
}

/// The slot of an endpoint that has one.
#[inline(always)]
pub(crate) fn find(key: &KeyWords) -> Option<u32> {
    // SAFETY: a map value that is never removed while the programs are loaded.
    KEYS.get_ptr(key).map(|slot| unsafe { *slot })
}

/// Takes a slot for an endpoint seen for the first time. Where none is left, everything goes to
/// [`UNATTRIBUTED`] and is counted as such.
#[inline(always)]
pub(crate) fn take(ctx: &impl EbpfContext, key: &KeyWords, net: u64) -> u32 {
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
