//! Adding to counters. Additions are atomic because a program attached another way may be interrupted by
//! itself; the result of an addition is never used, for Linux 5.10 has no fetch-and-add.

use core::arch::asm;

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::generated::{bpf_get_smp_processor_id, bpf_jiffies64, bpf_ktime_get_ns},
    macros::map,
    maps::Array,
};
use ctwatch_common::{
    limits::SLOTS,
    loss::Losses,
    shared::Shared,
    slot::{Cold, Hot},
};

/// Hot counters, `cpu * SLOTS + slot`; the loader multiplies the size by the possible CPUs.
#[map]
static HOT: Array<Hot> = Array::with_max_entries(SLOTS, BPF_F_MMAPABLE);

/// Cold counters, likewise.
#[map]
static COLD: Array<Cold> = Array::with_max_entries(SLOTS, BPF_F_MMAPABLE);

/// Losses, one record a CPU; the loader sets the size.
#[map]
static LOSSES: Array<Losses> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// State that all CPUs share.
#[map]
static SHARED: Array<Shared> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Adds one to a counter in a map value.
///
/// # Safety
///
/// `counter` must lie in a map value, aligned to four.
#[inline(always)]
pub(crate) unsafe fn add_one(counter: *mut u32) {
    // SAFETY: the caller's promise. Rust has no atomic additions for this target; `BPF_ATOMIC | BPF_ADD` has
    // been in the instruction set from its beginning (as `BPF_XADD`).
    unsafe {
        asm!("lock *(u32 *)({counter} + 0) += {one}", counter = in(reg) counter, one = in(wreg) 1u32)
    };
}

/// Adds to a sum in a map value, wrapping.
///
/// # Safety
///
/// `sum` must lie in a map value, aligned to eight.
#[inline(always)]
pub(crate) unsafe fn add(sum: *mut u64, value: u64) {
    // SAFETY: the caller's promise; see `add_one`.
    unsafe {
        asm!("lock *(u64 *)({sum} + 0) += {value}", sum = in(reg) sum, value = in(reg) value)
    };
}

/// What can be lost; see [`Losses`].
pub(crate) enum Loss {
    Unattributed,
    RefusedUnattributed,
    RefusedCtnetlink,
    Cause,
    CauseRaced,
    Unreadable,
    Unpaired,
    EventsSuppressed,
    EventsLost,
    Pairs,
    Packets,
}

/// This CPU's hot counters of a slot.
#[inline(always)]
pub(crate) fn hot(slot: u32) -> Option<*mut Hot> {
    HOT.get_ptr_mut(cpu() * SLOTS + slot)
}

/// This CPU's cold counters of a slot.
#[inline(always)]
pub(crate) fn cold(slot: u32) -> Option<*mut Cold> {
    COLD.get_ptr_mut(cpu() * SLOTS + slot)
}

/// Tells the reader that cold counters moved where no hot one did: otherwise it does not look at them. Comes after them.
#[inline(always)]
pub(crate) fn cold_moved_alone() {
    if let Some(losses) = losses() {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*losses).cold_alone) };
    }
}

/// This CPU's losses.
#[inline(always)]
pub(crate) fn losses() -> Option<*mut Losses> {
    LOSSES.get_ptr_mut(cpu())
}

/// Counts one loss; says how many there were before on this CPU.
#[inline(always)]
pub(crate) fn lose(loss: Loss) -> Option<u32> {
    let losses = losses()?;
    // SAFETY: in a map value that only this CPU writes.
    unsafe {
        let counter = match loss {
            Loss::Unattributed => &raw mut (*losses).unattributed,
            Loss::RefusedUnattributed => &raw mut (*losses).refused_unattributed,
            Loss::RefusedCtnetlink => &raw mut (*losses).refused_ctnetlink,
            Loss::Cause => &raw mut (*losses).cause_lost,
            Loss::CauseRaced => &raw mut (*losses).cause_raced,
            Loss::Unreadable => &raw mut (*losses).unreadable,
            Loss::Unpaired => &raw mut (*losses).unpaired,
            Loss::EventsSuppressed => &raw mut (*losses).events_suppressed,
            Loss::EventsLost => &raw mut (*losses).events_lost,
            Loss::Pairs => &raw mut (*losses).pairs_lost,
            Loss::Packets => &raw mut (*losses).packets_lost,
        };
        let before = *counter;
        add_one(counter);
        Some(before)
    }
}

/// `jiffies_64`.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_jiffies64() }
}

/// Notes the time of the first event for the reader, which brings sums of times to it. Two CPUs may both be first: they
/// write the same tick, give or take one.
#[inline(always)]
pub(crate) fn note_origin() {
    let Some(shared) = shared() else { return };
    // SAFETY: a map value.
    unsafe {
        if (*shared).origin_jiffies == 0 {
            (*shared).origin_ns = bpf_ktime_get_ns();
            (*shared).origin_jiffies = now();
        }
    }
}

/// This CPU's number.
#[inline(always)]
pub(crate) fn cpu() -> u32 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_smp_processor_id() }
}

/// The state that all CPUs share.
#[inline(always)]
pub(crate) fn shared() -> Option<*mut Shared> {
    SHARED.get_ptr_mut(0)
}
