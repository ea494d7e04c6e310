//! A connection is refused: the table is full and `early_drop` found nothing to evict.
//!
//! `early_drop(net, hash)` does not know the tuple; its only caller, `__nf_conntrack_alloc`, does. So each
//! allocation notes its tuple's address under its stack pointer, and a failed `early_drop` looks for the
//! allocation whose frame it returns into. A CPU can be in the middle of two: one in process context and one in
//! a softirq that interrupted it, on another stack; notes are kept by stack.

use aya_ebpf::{EbpfContext, macros::map, maps::PerCpuArray};
use ctwatch_common::limits::UNATTRIBUTED;

use crate::{
    classify,
    conn::{net_cookie, read_tuple},
    count::{self, Loss, add_one},
};

/// Allocations under way on a CPU.
#[map]
static ALLOCATIONS: PerCpuArray<Allocations> = PerCpuArray::with_max_entries(1, 0);

/// Stacks a CPU remembers.
const STACKS: usize = 4;
/// Kernel stacks are 16 KiB, aligned.
const STACK_BITS: u32 = 14;
/// How far below the stack pointer at entry of `__nf_conntrack_alloc` its call of `early_drop` can lie.
const FRAME: u64 = 512;

/// An allocation under way.
#[repr(C)]
#[derive(Clone, Copy)]
struct Allocation {
    stack_pointer: u64,
    net: u64,
    original: u64,
    /// 0 for ctnetlink, which passes no hash (`nf_conntrack_alloc`).
    hash: u32,
    pad: u32,
}

/// A CPU's allocations under way.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Allocations {
    stacks: [Allocation; STACKS],
    /// Which to give up for a stack not seen before.
    next: u32,
    pad: u32,
}

/// `__nf_conntrack_alloc(net, zone, orig, repl, gfp, hash)` is called.
#[inline(always)]
pub(crate) fn allocating(stack_pointer: u64, net: u64, original: u64, hash: u32) {
    let Some(allocations) = ALLOCATIONS.get_ptr_mut(0) else {
        return;
    };
    let allocation = Allocation {
        stack_pointer,
        net,
        original,
        hash,
        pad: 0,
    };
    // SAFETY: this CPU's map value.
    unsafe {
        for n in 0..STACKS {
            let stack = &raw mut (*allocations).stacks[n];
            if ((*stack).stack_pointer ^ stack_pointer) >> STACK_BITS == 0 {
                *stack = allocation;
                return;
            }
        }
        let next = (*allocations).next;
        (*allocations).next = next.wrapping_add(1);
        let stacks: *mut Allocation = (&raw mut (*allocations).stacks).cast();
        *stacks.add(next as usize & (STACKS - 1)) = allocation;
    }
}

/// `early_drop` returned 0 with the stack at `stack_pointer`.
#[inline(always)]
pub(crate) fn refused(ctx: &impl EbpfContext, stack_pointer: u64) {
    let slot = match refused_slot(ctx, stack_pointer) {
        Some(Refused::Packet(slot)) => slot,
        Some(Refused::Ctnetlink) => {
            count::lose(Loss::RefusedCtnetlink);
            return;
        }
        None => {
            count::lose(Loss::RefusedUnattributed);
            UNATTRIBUTED
        }
    };
    if let Some(hot) = count::hot(slot) {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*hot).refused) };
    }
}

enum Refused {
    Packet(u32),
    Ctnetlink,
}

#[inline(always)]
fn refused_slot(ctx: &impl EbpfContext, stack_pointer: u64) -> Option<Refused> {
    let allocations = ALLOCATIONS.get_ptr(0)?;
    for n in 0..STACKS {
        // SAFETY: this CPU's map value.
        let allocation = unsafe { (*allocations).stacks[n] };
        if allocation.stack_pointer.wrapping_sub(stack_pointer) < FRAME {
            if allocation.hash == 0 {
                return Some(Refused::Ctnetlink);
            }
            let tuple = read_tuple(allocation.original)?;
            let cookie = net_cookie(allocation.net)?;
            let slot = classify::slot_of(ctx, &tuple, allocation.net, cookie);
            return Some(Refused::Packet(slot));
        }
    }
    None
}
