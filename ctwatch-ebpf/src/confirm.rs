//! What `__nf_conntrack_confirm` and `nf_conntrack_hash_check_insert` return. It tells inserts on kernels without a
//! `__nf_conntrack_hash_insert` to hook, and, once the kernel counts inserts that failed other than by a clash, whose
//! they were: no other function is called on the ways that lead there (chain too long, dying, stale extension).
//!
//! `IPS_CONFIRMED` at the exit proves nothing, for when it is set moved between stable releases. Instead: the
//! call accepted the packet, and the packet still carries the entry it came with.

use aya_ebpf::{EbpfContext, macros::map, maps::HashMap};
use ctwatch_common::{event::reason, layout::status};

use crate::{
    clash,
    conn::{At, Conn, conntrack_of},
    count::{self, Loss, add_one},
    end::{IS_TCP, look_up},
    globals, insert,
    memory::read,
};

/// Calls of `__nf_conntrack_confirm` and `nf_conntrack_hash_check_insert` under way, by stack pointer.
#[map]
static CONFIRMS: HashMap<u64, Confirm> = HashMap::with_max_entries(4096, 0);

const NF_ACCEPT: u32 = 1;
/// `CTINFO2DIR`: from here on a packet goes in the reply direction.
const IP_CT_IS_REPLY: u64 = 3;
/// The stack pointer at a function's return is this much higher than at its entry.
const RETURN_ADDRESS: u64 = 8;

/// A call under way. Keyed by stack pointer, it stays right when `local_bh_enable` at its end lets a softirq run
/// the same function on another stack, and when the task moves to another CPU.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Confirm {
    skb: u64,
    ct: u64,
}

/// `__nf_conntrack_confirm(skb)` is called.
#[inline(always)]
pub(crate) fn confirming(stack_pointer: u64, skb: u64) {
    let Some(nfct) = read::<u64>(skb + u64::from(globals::skb_nfct())) else {
        count::lose(Loss::Unreadable);
        return;
    };
    // A reply that ipt_REJECT attached: confirm does nothing for it.
    if nfct & 7 >= IP_CT_IS_REPLY {
        return;
    }
    note(stack_pointer, Confirm { skb, ct: nfct & !7 });
}

/// `__nf_conntrack_confirm` returned `verdict`.
#[inline(always)]
pub(crate) fn confirmed(ctx: &impl EbpfContext, stack_pointer: u64, verdict: u32) {
    let Some(call) = take(stack_pointer) else {
        return;
    };
    if verdict != NF_ACCEPT {
        failed(ctx, call.skb, call.ct);
    } else if globals::insert_at_confirm() && conntrack_of(call.skb) == Some(call.ct) {
        inserted(ctx, call.ct);
    }
}

/// An insert failed. A clash was counted when it was not resolved; an entry that is CONFIRMED was in the table and
/// taken out again for a stale extension, which the kernel counts as `drop` alone. What is left is an entry that was
/// deleted before, or a chain that was too long (Linux 5.15).
#[inline(always)]
pub(crate) fn failed(ctx: &impl EbpfContext, skb: u64, ct: u64) {
    let bits = At(ct).status().unwrap_or(0);
    if bits & status::CONFIRMED != 0 || clash::has_counted(ct) {
        return;
    }
    let is_dying = bits & status::DYING != 0;
    let slot = look_up(ctx, ct) & !IS_TCP;
    if let Some(cold) = count::cold(slot) {
        // SAFETY: in a map value.
        unsafe {
            add_one(&raw mut (*cold).insert_failed);
            if is_dying {
                add_one(&raw mut (*cold).dying);
            } else {
                add_one(&raw mut (*cold).chain_too_long);
            }
        }
        count::cold_moved_alone();
    }
    let reason = match is_dying {
        true => reason::DYING,
        false => reason::CHAIN_TOO_LONG,
    };
    clash::tell(reason, u64::from(slot), skb, ct, 0);
}

/// `nf_conntrack_hash_check_insert(ct)` is called.
#[inline(always)]
pub(crate) fn checking(stack_pointer: u64, ct: u64) {
    note(stack_pointer, Confirm { skb: 0, ct });
}

/// `nf_conntrack_hash_check_insert` returned `error`.
#[inline(always)]
pub(crate) fn checked(ctx: &impl EbpfContext, stack_pointer: u64, error: u32) {
    if let Some(call) = take(stack_pointer)
        && error == 0
    {
        inserted(ctx, call.ct);
    }
}

/// Apart, for its stack.
#[inline(never)]
fn inserted<C: EbpfContext>(ctx: &C, ct: u64) {
    insert::inserted(ctx, At(ct));
}

#[inline(always)]
fn note(stack_pointer: u64, call: Confirm) {
    if CONFIRMS.insert(&stack_pointer, &call, 0).is_err() {
        count::lose(Loss::Unpaired);
    }
}

/// The call that returns with the stack at `stack_pointer`, if it was noted.
#[inline(always)]
fn take(stack_pointer: u64) -> Option<Confirm> {
    let key = stack_pointer - RETURN_ADDRESS;
    let call = CONFIRMS.get_ptr(&key)?;
    // SAFETY: a map value; this stack's own.
    let call = unsafe { *call };
    let _ = CONFIRMS.remove(&key);
    Some(call)
}
