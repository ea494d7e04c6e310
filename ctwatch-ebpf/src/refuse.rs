//! A connection is refused: the table is full and `early_drop` found nothing to evict.
//!
//! `early_drop(net, hash)` does not know the tuple; its only caller, `__nf_conntrack_alloc`, does. So what is known of
//! an allocation is noted for its stack ([`crate::stacks`]), and a failed `early_drop` looks there. While the table has
//! room it is looked for in that caller's frame ([`crate::newcomer`]); once it fills up, whoever wants the zone too
//! has each allocation tell of itself.

use aya_ebpf::EbpfContext;
use ctwatch_common::{event::reason, limits::UNATTRIBUTED};

use crate::{
    classify,
    conn::{net_cookie, read_tuple},
    count::{self, Loss, add_one},
    events::{self, Subject},
    stacks,
};

/// What is known of an allocation.
pub(crate) struct Newcomer {
    pub(crate) net: u64,
    /// 0 where it is not known.
    pub(crate) zone: u64,
    /// 0 where it is not known.
    pub(crate) original: u64,
    pub(crate) hash: u32,
}

/// `__nf_conntrack_alloc(net, zone, orig, repl, gfp, hash)` is called.
#[inline(always)]
pub(crate) fn allocating(stack_pointer: u64, newcomer: &Newcomer) {
    note(stack_pointer, newcomer, 1);
}

/// `early_drop(net, hash)` is called, for an allocation of which this was found.
#[inline(always)]
pub(crate) fn found(stack_pointer: u64, newcomer: &Newcomer) {
    note(stack_pointer, newcomer, 0);
}

#[inline(always)]
fn note(stack_pointer: u64, newcomer: &Newcomer, is_told: u32) {
    let Some(stack) = stacks::of(stack_pointer) else {
        return;
    };
    // SAFETY: a map value, this stack's own.
    unsafe {
        (*stack).pointer = stack_pointer;
        (*stack).net = newcomer.net;
        (*stack).zone = newcomer.zone;
        (*stack).original = newcomer.original;
        (*stack).hash = newcomer.hash;
        (*stack).is_told = is_told;
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
