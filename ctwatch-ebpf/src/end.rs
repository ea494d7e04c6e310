//! An entry ends.
//!
//! Exactly once an entry passes `nf_conntrack_free`, which also takes it out of `nf_conntrack_count`: that is
//! the end that is counted. It had been in the table if it is both CONFIRMED and DYING. Why it ended is known
//! earlier, when `nf_ct_delete` is called: an expired entry says so itself; for the others the caller's address
//! tells, and the cause waits until the entry is freed. Two callers may enter `nf_ct_delete` for one entry before
//! either sets DYING; the entry still ends once, with the cause of the first, and that is counted.
//!
//! An entry whose insert was seen is remembered ([`entries`]), endpoint and cause included. What was in the table
//! before, or lost its place there, is looked at anew, and its cause waits in a map of its own.

use core::mem::MaybeUninit;

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap},
};
use aya_log_ebpf::warn;
use ctwatch_common::{
    caller::{Callers, MAX_RANGES},
    cause,
    event::{AGE_UNKNOWN, reason},
    layout::{ABSENT, status},
    limits::{self, UNATTRIBUTED},
    tcp,
};
use network_types::ip::IpProto;

use crate::{
    classify,
    conn::{At, Conn, net_cookie, passed, read_tuple},
    count::{self, Loss, add, add_one, shared},
    entries::{self, Noted, Remembered},
    events::{self, Subject},
    globals, histogram,
    memory::read,
    pairs, stacks,
};

/// Causes of ends under way of entries that are not remembered, by `struct nf_conn` address.
#[map]
static PENDING: HashMap<u64, Pending> = HashMap::with_max_entries(limits::PENDING, 0);

/// Functions that call `nf_ct_delete`. Written by userspace, again when the module was loaded anew.
#[map]
static CALLERS: Array<Callers> = Array::with_max_entries(1, BPF_F_MMAPABLE);

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

/// A caller of `nf_ct_delete`: who it is is only looked up for entries that have time left.
pub(crate) trait Caller {
    /// Its return address, 0 where that is out of reach.
    fn address(&self) -> u64;
    /// A stack pointer in or below the caller's frame.
    fn stack_pointer(&self) -> u64;
}

/// `nf_ct_delete(ct, portid, report)` is called.
#[inline(always)]
pub(crate) fn deleting(ctx: &impl EbpfContext, conn: impl Conn, portid: u32, caller: &impl Caller) {
    let Some(timeout) = conn.timeout() else {
        return;
    };
    let address = conn.address();
    let cause = if passed(timeout, count::now()) {
        cause::EXPIRED
    } else if portid != 0 {
        cause::DELETED
    } else if is_netns_gone(address) {
        cause::NETNS_GONE
    } else {
        cause_of_caller(caller.address())
    };
    if cause == cause::EVICTED {
        note_newcomer(ctx, address, caller.stack_pointer());
    }
    match entries::note_cause(address, cause) {
        Noted::Yes => {}
        Noted::Already => raced(conn),
        // An expired entry says so itself when it is freed.
        Noted::No if cause == cause::EXPIRED => {}
        Noted::No => keep(ctx, conn, Pending { cause, timeout }),
    }
}

/// Another caller had begun to end this entry. Unless it has ended it, the two are racing.
#[inline(always)]
fn raced(conn: impl Conn) {
    if conn.status().unwrap_or(0) & status::DYING == 0 {
        count::lose(Loss::CauseRaced);
    }
}

/// Keeps the cause of an entry that is not remembered.
#[inline(always)]
fn keep(ctx: &impl EbpfContext, conn: impl Conn, pending: Pending) {
    let bits = conn.status().unwrap_or(0);
    if bits & status::DYING != 0 && !globals::dying_at_delete() {
        // Somebody else ended it before: nf_ct_delete will return false.
        return;
    }
    let address = conn.address();
    // SAFETY: a map value, read at once.
    let before = PENDING.get_ptr(&address).map(|before| unsafe { *before });
    if before.is_some_and(|before| before.timeout == pending.timeout) {
        count::lose(Loss::CauseRaced);
        return;
    }
    if PENDING.insert(&address, &pending, 0).is_ok() {
        if before.is_none() {
            wait(1);
        }
    } else if count::lose(Loss::Cause) == Some(0) {
        warn!(
            ctx,
            "too many entries are ending at once; some causes are counted as other"
        );
    }
}

/// Notes for whom `early_drop`, which is called by `__nf_conntrack_alloc` alone, deletes this entry.
#[inline(always)]
fn note_newcomer(ctx: &impl EbpfContext, victim: u64, stack_pointer: u64) {
    let Some(stack) = stacks::allocating(stack_pointer) else {
        return;
    };
    // SAFETY: a map value, this stack's own.
    unsafe {
        let (net, original) = ((*stack).net, (*stack).original);
        let Some(tuple) = read_tuple(original) else {
            return;
        };
        let Some(cookie) = net_cookie(net) else {
            return;
        };
        (*stack).newcomer = classify::slot_of(ctx, &tuple, net, cookie);
        (*stack).victim = victim;
    }
}

/// `nf_conntrack_free(ct)` is called, with the stack at `stack_pointer`.
#[inline(always)]
pub(crate) fn freeing(ctx: &impl EbpfContext, conn: impl Conn, stack_pointer: u64) {
    let Some(bits) = conn.status() else {
        return;
    };
    if bits & status::DYING == 0 {
        return;
    }
    if bits & status::CONFIRMED == 0 {
        // Given up before it was in the table.
        take_pending(conn.address());
        return;
    }
    let remembered = entries::take(conn.address());
    let (slot, is_tcp) = match remembered {
        Some(remembered) => (remembered.slot(), remembered.is_tcp()),
        None => {
            let looked_up = look_up(ctx, conn.address());
            (looked_up & !IS_TCP, looked_up & IS_TCP != 0)
        }
    };
    let now = count::now();
    let cause = cause_of(conn, remembered, now);
    let Some(hot) = count::hot(slot) else { return };
    // SAFETY: all in one map value; the cause is below COUNT.
    unsafe {
        let ended: *mut u32 = (&raw mut (*hot).ended).cast();
        add_one(ended.add((counted_as(cause) & 7) as usize));
        add(&raw mut (*hot).age_jiffies, now);
        if bits & status::SEEN_REPLY == 0 {
            add_one(&raw mut (*hot).unreplied);
        }
        if bits & status::ASSURED != 0 {
            add_one(&raw mut (*hot).assured);
        }
    }
    if is_tcp {
        count_last_state(slot, conn, cause);
    }
    if let Some(remembered) = remembered {
        histogram::died(slot, conn.address(), remembered.age(now));
    }
    if cause == cause::EVICTED || cause == cause::EVICTED_BACKGROUND {
        let end = Evicted {
            address: conn.address(),
            stack_pointer,
            slot,
            age: remembered.map_or(AGE_UNKNOWN, |remembered| remembered.age(now)),
        };
        if cause == cause::EVICTED {
            evicted(&end);
        } else {
            evicted_background(&end);
        }
    }
}

/// Beside a slot: the entry's protocol is TCP.
pub(crate) const IS_TCP: u32 = 1 << 31;

/// Where an entry is counted that is not remembered, with [`IS_TCP`].
#[inline(never)]
pub(crate) fn look_up<C: EbpfContext>(ctx: &C, address: u64) -> u32 {
    let mut room = MaybeUninit::uninit();
    let Some(look) = At(address).look(&mut room) else {
        return UNATTRIBUTED;
    };
    let slot = classify::slot_of(ctx, look.original, look.net, look.net_cookie);
    match look.original.protonum == IpProto::Tcp as u8 {
        true => slot | IS_TCP,
        false => slot,
    }
}

/// The cause that was noted, or else what the entry says of itself.
#[inline(always)]
fn cause_of(conn: impl Conn, remembered: Option<Remembered>, now: u64) -> u32 {
    if let Some(cause) = remembered.and_then(Remembered::cause) {
        return cause;
    }
    let timeout = conn.timeout().unwrap_or(0);
    if let Some(pending) = take_pending(conn.address())
        && pending.timeout == timeout
    {
        return pending.cause;
    }
    if passed(timeout, now) {
        cause::EXPIRED
    } else {
        cause::OTHER
    }
}

/// An entry that a SYN reopened was reset, too.
#[inline(always)]
fn counted_as(cause: u32) -> u32 {
    match cause {
        cause::REOPENED => cause::RESET,
        cause => cause,
    }
}

/// Takes the cause that waits for an entry that is not remembered, if one does.
#[inline(always)]
fn take_pending(address: u64) -> Option<Pending> {
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
fn count_last_state(slot: u32, conn: impl Conn, cause: u32) {
    let state = conn.tcp_state().unwrap_or(0);
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
    if cause == cause::REOPENED && (state == tcp::TIME_WAIT || state == tcp::CLOSE) {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*cold).reopened) };
    }
}

/// An entry that was evicted.
struct Evicted {
    address: u64,
    stack_pointer: u64,
    slot: u32,
    age: u32,
}

/// Counts for whom an entry was evicted, and tells of it. It is freed where it was deleted, unless somebody else still
/// held it: its newcomer is then not known.
#[inline(never)]
fn evicted(end: &Evicted) {
    let mut newcomer = UNATTRIBUTED;
    let mut original = 0;
    if let Some(stack) = stacks::allocating(end.stack_pointer) {
        // SAFETY: a map value, this stack's own; only an entry that it deletes itself is its victim.
        unsafe {
            if (*stack).victim == end.address {
                newcomer = (*stack).newcomer;
                // `__nf_conntrack_alloc` is being executed, so its argument is still there.
                original = (*stack).original;
            }
        }
    }
    if newcomer != UNATTRIBUTED {
        pairs::count(end.slot, newcomer);
    }
    tell(end, reason::EARLY_DROP, newcomer, original);
}

/// Tells of an entry that was evicted in the background.
#[inline(never)]
fn evicted_background(end: &Evicted) {
    tell(end, reason::GC_EVICTION, UNATTRIBUTED, 0);
}

/// Sends the event; `other` is the address of the newcomer's tuple, or 0.
#[inline(always)]
fn tell(end: &Evicted, reason: u32, newcomer: u32, other: u64) {
    if !events::are_wanted() {
        return;
    }
    let conn = At(end.address);
    let Some(tuple) = conn.original() else {
        return;
    };
    let Some(net) = conn.net() else {
        return;
    };
    let timeout = conn.timeout().unwrap_or(0);
    let is_tcp = tuple.protonum == IpProto::Tcp as u8;
    let state = if is_tcp {
        conn.tcp_state().unwrap_or(0)
    } else {
        0
    };
    let subject = Subject {
        net,
        net_cookie: net_cookie(net).unwrap_or(0),
        zone: events::zone_of(end.address),
        slot: end.slot,
        other_slot: newcomer,
        status: conn.status().unwrap_or(0) as u32,
        left_jiffies: timeout.wrapping_sub(count::now() as u32),
        age_jiffies: end.age,
        tcp_state: u32::from(state),
    };
    events::send(reason, &subject, &tuple, other);
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
    let Some(callers) = CALLERS.get_ptr(0) else {
        return cause::OTHER;
    };
    for n in 0..MAX_RANGES {
        // SAFETY: in a map value, which userspace writes before it attaches anything.
        let range = unsafe { (*callers).ranges[n] };
        if range.end == 0 {
            break;
        }
        if caller >= range.start && caller < range.end {
            return range.cause;
        }
    }
    cause::OTHER
}
