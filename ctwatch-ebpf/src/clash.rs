//! Two packets of one flow made an entry each, and the second finds its like in the table.

use aya_ebpf::{EbpfContext, macros::map, maps::PerCpuArray};

use crate::{
    classify,
    conn::{Conn, Window, conntrack_of},
    count::{self, Loss, add_one},
    globals, insert,
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
    /// The entry of the last clash that was not resolved, until its confirm returns; 0 for none.
    failed: u64,
    /// The late entry's endpoint, found before the kernel frees it.
    slot: u32,
    pad: u32,
}

/// `nf_ct_resolve_clash(skb, …)` is called.
#[inline(always)]
pub(crate) fn resolving(ctx: &impl EbpfContext, skb: u64) {
    let Some(loser) = conntrack_of(skb) else {
        return;
    };
    let mut window = Window::uninit();
    let Some(conn) = Conn::read(loser, &mut window) else {
        return;
    };
    let slot = classify::slot_of(ctx, conn.original(), conn.net(), conn.net_cookie);
    if let Some(clash) = CLASH.get_ptr_mut(0) {
        // SAFETY: this CPU's map value.
        unsafe {
            *clash = Clash {
                skb,
                loser,
                failed: 0,
                slot,
                pad: 0,
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
    let Clash {
        skb, loser, slot, ..
    } = unsafe { *clash };
    if loser == 0 {
        count::lose(Loss::Unpaired);
        return;
    }
    // SAFETY: as above.
    unsafe {
        (*clash).loser = 0;
        (*clash).failed = if verdict == NF_DROP { loser } else { 0 };
    }
    if let Some(cold) = count::cold(slot) {
        // SAFETY: in a map value.
        unsafe {
            if verdict == NF_DROP {
                add_one(&raw mut (*cold).insert_failed);
                add_one(&raw mut (*cold).clash_dropped);
            } else {
                add_one(&raw mut (*cold).clash_merged);
            }
        }
    }
    // Resolved the harder way: the late entry went in on the reply side only (IPS_NAT_CLASH), by a path that
    // does not pass __nf_conntrack_hash_insert.
    if verdict != NF_DROP && conntrack_of(skb) == Some(loser) && !globals::insert_at_confirm() {
        insert::inserted(ctx, loser);
    }
}

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
