//! What a kernel stack is in the middle of: `__nf_conntrack_alloc`, which knows the newcomer's tuple, calls
//! `early_drop`, which does not and which evicts for it.
//!
//! Kept by stack and not by CPU: a softirq interrupts a process on another stack, and a process may be moved to another
//! CPU on its own.

use aya_ebpf::{macros::map, maps::Array};
use ctwatch_common::layout::Tuple;

/// Places; two stacks that share one at the same time leave the earlier's newcomer unknown.
const PLACES: u32 = 1024;

/// What stacks are in the middle of.
#[map]
static STACKS: Array<Stack> = Array::with_max_entries(PLACES, 0);

/// Kernel stacks are 16 KiB, aligned.
const STACK_BITS: u32 = 14;
/// How far below the stack pointer at entry of `__nf_conntrack_alloc` what it calls can be: `early_drop`, and in it
/// `nf_ct_delete` and `nf_conntrack_free`. An attached program's own frame may lie on either side.
const DEPTH: u64 = 2048;
/// What the frames of attached programs may differ by.
const SLACK: u64 = 256;

/// One stack.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Stack {
    /// Stack pointer at the entry of the last `__nf_conntrack_alloc`.
    pub(crate) pointer: u64,
    /// Its `net`.
    pub(crate) net: u64,
    /// Its `zone`.
    pub(crate) zone: u64,
    /// Its `orig`.
    pub(crate) original: u64,
    /// Its `hash`; 0 for ctnetlink, which passes none (`nf_conntrack_alloc`).
    pub(crate) hash: u32,
    /// Slot of the newcomer for whom `victim` went.
    pub(crate) newcomer: u32,
    /// The entry that `early_drop` deleted last.
    pub(crate) victim: u64,
    /// When an event of a refused packet was sent; 0: none waits for its packet.
    pub(crate) refused_ns: u64,
    /// The processor it was sent from.
    pub(crate) refused_cpu: u32,
    /// 1 where `__nf_conntrack_alloc` itself told all of this: what was found for it is not as good.
    pub(crate) is_told: u32,
    /// Tuple of that packet.
    pub(crate) refused: Tuple,
}

/// The place of the stack that `pointer` points into.
#[inline(always)]
pub(crate) fn of(pointer: u64) -> Option<*mut Stack> {
    let number = ((pointer >> STACK_BITS) as u32).wrapping_mul(0x9E37_79B1) >> 22;
    STACKS.get_ptr_mut(number)
}

/// Whether the allocation that `early_drop(net, hash)` is called for, with the stack at `pointer`, told of itself.
#[inline(always)]
pub(crate) fn is_told(pointer: u64, net: u64, hash: u32) -> bool {
    allocating(pointer).is_some_and(|stack| {
        // SAFETY: a map value, this stack's own.
        unsafe { (*stack).is_told == 1 && (*stack).net == net && (*stack).hash == hash }
    })
}

/// The place of this stack if it is in the middle of `__nf_conntrack_alloc`, which whoever asks knows to be so for what
/// is called by nobody else: the depth only tells two stacks apart.
#[inline(always)]
pub(crate) fn allocating(pointer: u64) -> Option<*mut Stack> {
    let stack = of(pointer)?;
    // SAFETY: a map value.
    let entry = unsafe { (*stack).pointer };
    (entry.wrapping_add(SLACK).wrapping_sub(pointer) < DEPTH + SLACK).then_some(stack)
}
