//! Two packets of one flow made an entry each, and the second finds its like in the table; or NAT gave two flows the
//! same translated tuple, for no other was free.

use core::mem::MaybeUninit;

use aya_ebpf::{EbpfContext, macros::map, maps::PerCpuArray};
use ctwatch_common::{event::reason, layout::status, limits::UNATTRIBUTED};

use crate::{
    classify,
    conn::{At, Conn, conntrack_of, net_cookie, read_tuple},
    count::{self, Loss, add_one},
    events::{self, Subject},
    globals, insert,
    memory::read,
};

/// The clash under way on a CPU: its table locks are held, so there is one.
#[map]
static CLASH: PerCpuArray<Clash> = PerCpuArray::with_max_entries(1, 0);

const NF_DROP: u32 = 0;

/// The clash that a CPU resolves. The table's bucket locks are held from before it to after it, so there is one.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Clash {
    skb: u64,
    /// The entry that came late; 0 when none is being resolved.
    loser: u64,
    /// The `struct nf_conntrack_tuple_hash` that was there first.
    winner: u64,
    /// The entry of the last clash that was not resolved, until its confirm returns; 0 for none.
    failed: u64,
    /// The late entry's endpoint, found before the kernel frees it.
    slot: u32,
    /// The endpoint of the entry that was there first.
    winner_slot: u32,
}

/// `nf_ct_resolve_clash(skb, h, …)` is called.
#[inline(always)]
pub(crate) fn resolving(ctx: &impl EbpfContext, skb: u64, winner: u64) {
    let Some(loser) = conntrack_of(skb) else {
        return;
    };
    let mut room = MaybeUninit::uninit();
    let Some(look) = At(loser).look(&mut room) else {
        return;
    };
    let slot = classify::slot_of(ctx, look.original, look.net, look.net_cookie);
    let winner_slot = endpoint_of(ctx, original_of(winner), look.net, look.net_cookie);
    if let Some(clash) = CLASH.get_ptr_mut(0) {
        // SAFETY: this CPU's map value.
        unsafe {
            *clash = Clash {
                skb,
                loser,
                winner,
                failed: 0,
                slot,
                winner_slot,
            };
        }
    }
}

/// `nf_ct_resolve_clash` returned `verdict`.
#[inline(always)]
pub(crate) fn resolved(ctx: &impl EbpfContext, verdict: u32) {
    let Some(clash) = CLASH.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: this CPU's map value.
    let under_way = unsafe { *clash };
    let Clash {
        skb, loser, slot, ..
    } = under_way;
    if loser == 0 {
        count::lose(Loss::Unpaired);
        return;
    }
    // SAFETY: as above.
    unsafe {
        (*clash).loser = 0;
        (*clash).failed = if verdict == NF_DROP { loser } else { 0 };
    }
    if verdict == NF_DROP {
        dropped(&under_way);
        return;
    }
    if let Some(cold) = count::cold(slot) {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*cold).clash_merged) };
        count::cold_moved_alone();
    }
    // Resolved the harder way: the late entry went in on the reply side only (IPS_NAT_CLASH), by a path that
    // does not pass __nf_conntrack_hash_insert.
    if conntrack_of(skb) == Some(loser) && !globals::insert_at_confirm() {
        inserted(ctx, loser);
    }
}

/// The late entry went into the table after all.
#[inline(never)]
fn inserted<C: EbpfContext>(ctx: &C, loser: u64) {
    insert::inserted(ctx, At(loser));
}

/// Counts and tells of the entry that was not inserted; it is freed later, with its packet.
#[inline(never)]
fn dropped(clash: &Clash) {
    let conn = At(clash.loser);
    let other = original_of(clash.winner);
    let is_translated = conn.status().unwrap_or(0) & (status::SRC_NAT | status::DST_NAT) != 0;
    let is_nat = is_translated && is_another_flow(conn, other);
    if let Some(cold) = count::cold(clash.slot) {
        // SAFETY: in a map value.
        unsafe {
            add_one(&raw mut (*cold).insert_failed);
            add_one(&raw mut (*cold).clash_dropped);
            if is_nat {
                add_one(&raw mut (*cold).nat_exhausted);
            }
        }
        count::cold_moved_alone();
    }
    let reason = match is_nat {
        true => reason::NAT_EXHAUSTED,
        false => reason::CLASH,
    };
    let slots = u64::from(clash.winner_slot) << 32 | u64::from(clash.slot);
    tell(reason, slots, clash.skb, clash.loser, other);
}

/// The endpoint of a tuple at this address, in the namespace at `net`.
#[inline(never)]
fn endpoint_of<C: EbpfContext>(ctx: &C, address: u64, net: u64, net_cookie: u64) -> u32 {
    match read_tuple(address) {
        Some(tuple) => classify::slot_of(ctx, &tuple, net, net_cookie),
        None => UNATTRIBUTED,
    }
}

/// Whether the entry's original tuple and the one at `other` are known to differ.
#[inline(never)]
fn is_another_flow(conn: At, other: u64) -> bool {
    let Some(own) = conn.original() else {
        return false;
    };
    let Some(other) = read_tuple(other) else {
        return false;
    };
    !classify::is_same(&own, &other)
}

/// Sends an event of the entry at `address`, which was not inserted, and its packet; `other` is the address of the tuple
/// that was in its way, or 0. `slots` has the entry's own slot in its low half, and that of the other in the high one.
#[inline(never)]
pub(crate) fn tell(reason: u32, slots: u64, skb: u64, address: u64, other: u64) {
    if !events::are_wanted() {
        return;
    }
    let conn = At(address);
    let Some(tuple) = conn.original() else {
        return;
    };
    let Some(net) = conn.net() else {
        return;
    };
    let subject = Subject {
        net,
        net_cookie: net_cookie(net).unwrap_or(0),
        zone: events::zone_of(address),
        slot: slots as u32,
        other_slot: (slots >> 32) as u32,
        status: conn.status().unwrap_or(0) as u32,
        ..Subject::NONE
    };
    let time_ns = events::send(reason, &subject, &tuple, other);
    events::send_packet(skb, time_ns);
}

/// Address of the original direction of the entry that a `struct nf_conntrack_tuple_hash` is one half of.
#[inline(always)]
fn original_of(half: u64) -> u64 {
    let tuple = half + u64::from(globals::hash_tuple());
    // `NF_CT_DIRECTION`: the reply half lies behind the original.
    match read::<u8>(tuple + DIRECTION).unwrap_or(0) {
        0 => tuple,
        _ => tuple - u64::from(globals::hash_size()),
    }
}

/// `dst.dir` in a tuple; the loader checks it.
const DIRECTION: u64 = 39;

/// Whether the failure of this entry's confirm is a clash that has been counted.
#[inline(always)]
pub(crate) fn has_counted(ct: u64) -> bool {
    let Some(clash) = CLASH.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: this CPU's map value.
    unsafe {
        let counted = (*clash).failed == ct;
        (*clash).failed = 0;
        counted
    }
}
