//! An entry ends.
//!
//! Exactly once an entry passes `nf_conntrack_free`, which also takes it out of `nf_conntrack_count`: that is
//! the end that is counted. It had been in the table if it is both CONFIRMED and DYING. Why it ended is known
//! earlier, when `nf_ct_delete` is called: an expired entry says so itself; for the others the caller's address
//! tells, and the cause waits until the entry is freed. Two callers may enter `nf_ct_delete` for one entry before
//! either sets DYING; the entry still ends once, with the cause of one of them, and that is counted.

use aya_ebpf::{
    EbpfContext,
    macros::map,
    maps::{Array, HashMap},
};
use aya_log_ebpf::warn;
use ctwatch_common::{
    caller::MAX_RANGES,
    cause,
    layout::{ABSENT, status},
    limits, tcp,
};
use network_types::ip::IpProto;

use crate::{
    classify,
    conn::{Conn, Window, passed},
    count::{self, Loss, add, add_one, shared},
    globals, histogram,
    memory::read,
};

/// The end that began last on a CPU; the loader sets the size.
#[map]
static RECENT: Array<Recent> = Array::with_max_entries(1, 0);

/// Causes of earlier ends that are still under way, by `struct nf_conn` address.
#[map]
static PENDING: HashMap<u64, Pending> = HashMap::with_max_entries(limits::PENDING, 0);

/// A cause that waits for its entry to be freed.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    /// One of [`cause`].
    cause: u32,
    /// The entry's timeout then: it does not change once DYING is set, so a leftover of an earlier entry at the
    /// same address is told apart.
    timeout: u32,
}

/// The cause that came last on a CPU. Nearly always its entry is freed before the next one comes, and the map of
/// pending causes is never touched.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Recent {
    /// The entry, or 0.
    address: u64,
    pending: Pending,
}

/// `nf_ct_delete(ct, portid, report)` is called from `caller`.
#[inline(always)]
pub(crate) fn deleting(ctx: &impl EbpfContext, address: u64, portid: u32, caller: u64) {
    let Some(timeout) = read::<u32>(address + u64::from(globals::conn_timeout())) else {
        count::lose(Loss::Unreadable);
        return;
    };
    if passed(timeout, count::now()) {
        return;
    }
    let bits = read::<u64>(address + u64::from(globals::conn_status())).unwrap_or(0);
    if bits & status::DYING != 0 && !globals::dying_at_delete() {
        // Somebody else ended it before: nf_ct_delete will return false.
        return;
    }
    let cause = if portid != 0 {
        cause::DELETED
    } else if is_netns_gone(address) {
        cause::NETNS_GONE
    } else {
        cause_of_caller(caller)
    };
    keep(ctx, address, Pending { cause, timeout });
}

/// Keeps the cause as this CPU's most recent one; the one before, should it still wait, moves to the map.
#[inline(always)]
fn keep(ctx: &impl EbpfContext, address: u64, pending: Pending) {
    let Some(recent) = RECENT.get_ptr_mut(count::cpu()) else {
        return;
    };
    // SAFETY: this CPU's map value.
    let before = unsafe { *recent };
    // SAFETY: as above.
    unsafe { *recent = Recent { address, pending } };
    if before.address == 0 {
        return;
    }
    if before.address == address || !is_ending(&before) {
        // Another caller's: it freed the entry elsewhere and counted its own cause.
        count::lose(Loss::CauseRaced);
    } else if PENDING.insert(&before.address, &before.pending, 0).is_ok() {
        wait(1);
    } else if count::lose(Loss::Cause) == Some(0) {
        warn!(
            ctx,
            "too many entries are ending at once; some causes are counted as other"
        );
    }
}

/// Whether the entry whose cause was kept is still on its way out: referred to, DYING, and the same.
#[inline(always)]
fn is_ending(recent: &Recent) -> bool {
    let at = recent.address;
    let referred = read::<u32>(at + u64::from(globals::conn_use())).unwrap_or(0) != 0;
    let bits = read::<u64>(at + u64::from(globals::conn_status())).unwrap_or(0);
    let timeout = read::<u32>(at + u64::from(globals::conn_timeout())).unwrap_or(0);
    referred && bits & status::DYING != 0 && timeout == recent.pending.timeout
}

/// `nf_conntrack_free(ct)` is called.
#[inline(always)]
pub(crate) fn freeing(ctx: &impl EbpfContext, address: u64) {
    let mut window = Window::uninit();
    let Some(conn) = Conn::read(address, &mut window) else {
        return;
    };
    if conn.status() & status::DYING == 0 {
        return;
    }
    let now = count::now();
    let cause = cause_of(&conn, now);
    if conn.status() & status::CONFIRMED == 0 {
        // Given up before it was in the table.
        return;
    }
    let slot = classify::slot_of(ctx, conn.original(), conn.net(), conn.net_cookie);
    let Some(hot) = count::hot(slot) else { return };
    // SAFETY: all in one map value; the cause is below COUNT.
    unsafe {
        let ended: *mut u32 = (&raw mut (*hot).ended).cast();
        add_one(ended.add((cause & 7) as usize));
        add(&raw mut (*hot).age_jiffies, count::age(now));
        if conn.status() & status::SEEN_REPLY == 0 {
            add_one(&raw mut (*hot).unreplied);
        }
        if conn.status() & status::ASSURED != 0 {
            add_one(&raw mut (*hot).assured);
        }
    }
    if conn.original().protonum == IpProto::Tcp as u8 {
        count_last_state(slot, address);
    }
    histogram::died(slot, address, now);
}

/// The cause that waits, or else what the entry says of itself.
#[inline(always)]
fn cause_of(conn: &Conn<'_>, now: u64) -> u32 {
    if let Some(pending) = take(conn.address)
        && pending.timeout == conn.timeout()
        && pending.cause <= cause::OTHER
    {
        return pending.cause;
    }
    if conn.expired(now) {
        cause::EXPIRED
    } else {
        cause::OTHER
    }
}

/// Takes the cause that waits for an entry, if one does.
#[inline(always)]
fn take(address: u64) -> Option<Pending> {
    let recent = RECENT.get_ptr_mut(count::cpu())?;
    // SAFETY: this CPU's map value.
    unsafe {
        if (*recent).address == address {
            (*recent).address = 0;
            return Some((*recent).pending);
        }
    }
    // SAFETY: a map value.
    if unsafe { (*shared()?).pending } == 0 {
        return None;
    }
    // SAFETY: a map value; only this entry's end removes it, and it ends once.
    let pending = unsafe { *PENDING.get_ptr(&address)? };
    let _ = PENDING.remove(&address);
    wait(u64::MAX);
    Some(pending)
}

/// Notes that one more cause waits, or (with `u64::MAX`) one less.
#[inline(always)]
fn wait(change: u64) {
    if let Some(shared) = shared() {
        // SAFETY: in a map value.
        unsafe { add(&raw mut (*shared).pending, change) };
    }
}

#[inline(always)]
fn count_last_state(slot: u32, address: u64) {
    let state = read::<u8>(address + u64::from(globals::tcp_state())).unwrap_or(0);
    let Some(cold) = count::cold(slot) else {
        return;
    };
    if usize::from(state) < tcp::COUNT {
        // SAFETY: in a map value, and the index was checked.
        unsafe {
            let states: *mut u32 = (&raw mut (*cold).tcp_last).cast();
            add_one(states.add(usize::from(state)));
        }
    }
}

/// Whether the entry's namespace has no reference left: `nf_conntrack_cleanup_net_list` is at work.
#[inline(always)]
fn is_netns_gone(address: u64) -> bool {
    if globals::net_count() == ABSENT {
        return false;
    }
    read::<u64>(address + u64::from(globals::conn_ct_net()))
        .and_then(|net| read::<u32>(net + u64::from(globals::net_count())))
        == Some(0)
}

#[inline(always)]
fn cause_of_caller(caller: u64) -> u32 {
    for n in 0..MAX_RANGES {
        let range = globals::caller(n);
        if range.end == 0 {
            break;
        }
        if caller >= range.start && caller < range.end {
            return range.cause;
        }
    }
    cause::OTHER
}
