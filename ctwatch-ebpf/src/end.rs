//! An entry ends.
//!
//! Exactly once an entry passes `nf_conntrack_free`, which also takes it out of `nf_conntrack_count`: that is
//! the end that is counted. It had been in the table if it is both CONFIRMED and DYING. Why it ended is known
//! earlier, when `nf_ct_delete` is called: an expired entry says so itself; for the others the caller's address
//! tells, and the cause waits in a map until the entry is freed. Two callers may enter `nf_ct_delete` for one
//! entry before either sets DYING; the entry still ends once, and if their causes differ that is counted.

use aya_ebpf::EbpfContext;
use aya_log_ebpf::warn;
use ctwatch_common::{
    caller::MAX_RANGES,
    cause,
    layout::{ABSENT, status},
    tcp,
};
use network_types::ip::IpProto;

use crate::{
    classify,
    conn::{Conn, Window, passed, shared},
    count::{self, Loss, add, add_one},
    globals, histogram, maps,
    memory::read,
};

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

#[inline(always)]
fn keep(ctx: &impl EbpfContext, address: u64, pending: Pending) {
    if let Some(earlier) = maps::PENDING.get_ptr(&address) {
        // SAFETY: a map value; preallocated, so it is some pending cause even if removed meanwhile.
        let earlier = unsafe { *earlier };
        if earlier.timeout == pending.timeout {
            if earlier.cause != pending.cause {
                count::lose(Loss::CauseRaced);
            }
            return;
        }
        let _ = maps::PENDING.remove(&address);
        wait(u64::MAX);
    }
    if maps::PENDING.insert(&address, &pending, 0).is_ok() {
        wait(1);
    } else if count::lose(Loss::Cause) == Some(0) {
        warn!(
            ctx,
            "too many entries are ending at once; some causes are counted as other"
        );
    }
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
    // SAFETY: a map value.
    let waiting = shared().is_some_and(|shared| unsafe { (*shared).pending } != 0);
    if waiting && let Some(pending) = maps::PENDING.get_ptr(&conn.address) {
        // SAFETY: a map value.
        let pending = unsafe { *pending };
        let _ = maps::PENDING.remove(&conn.address);
        wait(u64::MAX);
        if pending.timeout == conn.timeout() && pending.cause <= cause::OTHER {
            return pending.cause;
        }
    }
    if conn.expired(now) {
        cause::EXPIRED
    } else {
        cause::OTHER
    }
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
        if caller >= range.start && caller < range.end {
            return range.cause;
        }
    }
    cause::OTHER
}
