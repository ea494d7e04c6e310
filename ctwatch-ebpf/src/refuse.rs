//! A connection is refused: the table is full and `early_drop` found nothing to evict.
//!
//! `early_drop(net, hash)` does not know the tuple; its only caller, `__nf_conntrack_alloc`, does. So each
//! allocation notes its arguments for its stack ([`crate::stacks`]), and a failed `early_drop` looks there.

use aya_ebpf::EbpfContext;
use ctwatch_common::{event::reason, limits::UNATTRIBUTED};

use crate::{
    classify,
    conn::{net_cookie, read_tuple},
    count::{self, Loss, add_one},
    events::{self, Subject},
    stacks,
};

/// `__nf_conntrack_alloc(net, zone, orig, repl, gfp, hash)` is called.
#[inline(always)]
pub(crate) fn allocating(stack_pointer: u64, net: u64, zone: u64, original: u64, hash: u32) {
    let Some(stack) = stacks::of(stack_pointer) else {
        return;
    };
    // SAFETY: a map value, this stack's own.
    unsafe {
        (*stack).pointer = stack_pointer;
        (*stack).net = net;
        (*stack).zone = zone;
        (*stack).original = original;
        (*stack).hash = hash;
    }
}

/// `early_drop` returned false with the stack at `stack_pointer`.
#[inline(always)]
pub(crate) fn refused(ctx: &impl EbpfContext, stack_pointer: u64) {
    let Some(stack) = stacks::allocating(stack_pointer) else {
        lose(Loss::RefusedUnattributed);
        return;
    };
    // SAFETY: a map value, this stack's own.
    let (hash, net, original, zone) = unsafe {
        (
            (*stack).hash,
            (*stack).net,
            (*stack).original,
            (*stack).zone,
        )
    };
    if hash == 0 {
        count::lose(Loss::RefusedCtnetlink);
        return;
    }
    let Some(tuple) = read_tuple(original) else {
        lose(Loss::RefusedUnattributed);
        return;
    };
    let Some(cookie) = net_cookie(net) else {
        lose(Loss::RefusedUnattributed);
        return;
    };
    let slot = classify::slot_of(ctx, &tuple, net, cookie);
    count(slot);
    if !events::are_wanted() {
        return;
    }
    let subject = Subject {
        net,
        net_cookie: cookie,
        zone: events::zone_at(zone),
        slot,
        ..Subject::NONE
    };
    let time_ns = events::send(reason::TABLE_FULL, &subject, &tuple, 0);
    // SAFETY: as above. The packet is freed on this stack, after this.
    unsafe {
        (*stack).refused = tuple;
        (*stack).refused_ns = time_ns;
        (*stack).refused_cpu = count::cpu();
    }
}

/// It is counted, but under no endpoint.
#[inline(always)]
fn lose(loss: Loss) {
    count::lose(loss);
    count(UNATTRIBUTED);
}

#[inline(always)]
fn count(slot: u32) {
    if let Some(hot) = count::hot(slot) {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*hot).refused) };
    }
}
