//! Slots of endpoints: found by key, taken in runs.

use aya_ebpf::{
    EbpfContext,
    bindings::{BPF_F_MMAPABLE, BPF_NOEXIST},
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
    count::{self, Loss},
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
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Last {
    key: KeyWords,
    /// 0 while the key is being replaced.
    slot: u32,
    pad: u32,
}

/// The slot of an endpoint that has one.
#[inline(always)]
pub(crate) fn find(key: &KeyWords) -> Option<u32> {
    let last = LAST.get_ptr_mut(count::cpu())?;
    // SAFETY: this CPU's map value. The slot is read first and written last, so that a program that interrupts
    // this one and replaces both is noticed.
    unsafe {
        let slot = core::ptr::read_volatile(&raw const (*last).slot);
        if slot != 0 && is_same(&raw const (*last).key, key) {
            return Some(slot);
        }
    }
    // SAFETY: a map value that is never removed while the programs are loaded.
    let slot = KEYS.get_ptr(key).map(|slot| unsafe { *slot })?;
    // SAFETY: as above.
    unsafe {
        core::ptr::write_volatile(&raw mut (*last).slot, 0);
        (*last).key = *key;
        core::ptr::write_volatile(&raw mut (*last).slot, slot);
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
        // Another CPU was first: its slot is the one, and ours stays free. No other error is possible, since
        // the map has room for every slot.
        return find(key).unwrap_or(UNATTRIBUTED);
    }
    use_up();
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

/// The next slot of this CPU's run, without using it up. Kprobe programs do not nest on a CPU, so nobody else
/// looks at the run in between.
#[inline(always)]
fn next_free() -> Option<u32> {
    let losses = count::losses()?;
    // SAFETY: this CPU's record.
    unsafe {
        if (*losses).run_next < (*losses).run_end {
            return Some((*losses).run_next);
        }
    }
    let first = RUNS.pop().ok()??;
    // SAFETY: as above.
    unsafe {
        (*losses).run_next = first;
        (*losses).run_end = first + RUN;
    }
    Some(first)
}

#[inline(always)]
fn use_up() {
    if let Some(losses) = count::losses() {
        // SAFETY: this CPU's record.
        unsafe { (*losses).run_next += 1 };
    }
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
