//! Packets without an entry that netfilter dropped. Where tracking refuses an entry because the table is full, it drops
//! the packet with none (`nf_conntrack_in`), and `nf_hook_slow` frees it. So it does for a rule that comes before
//! tracking, or that drops what tracking called invalid, in PREROUTING or on the way out; but from Linux 6.7 on rules
//! of nftables free what they drop themselves (`NF_DROP_REASON`). The reader holds the sum against the kernel's `drop`.

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_NOEXIST},
    macros::map,
    maps::{Array, PerCpuHashMap},
};
use ctwatch_common::{endpoint::KeyWords, limits, refused::Refused};

use crate::{
    classify::{self, Ends},
    conn::net_cookie,
    count::{self, Loss, add},
    events, globals,
    memory::read,
    packet::{self, NoTuple},
    stacks,
};

/// What was counted, by endpoint. Read by `bpf()` calls, during which a raw tracepoint goes on counting.
#[map]
static REFUSED: PerCpuHashMap<KeyWords, Refused> =
    PerCpuHashMap::with_max_entries(limits::REFUSED, 0);

/// Sum of [`REFUSED`] a CPU; the loader sets the size. While it stands still there is nothing to read there.
#[map]
static REFUSED_SUM: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Whether `location`, from where a packet was freed, lies in `nf_hook_slow`; also where it is not known where that is,
/// and the reason has to do.
#[inline(always)]
pub(crate) fn is_freed_by_hooks(location: u64) -> bool {
    let within = |[start, end]: [u64; 2]| start <= location && location < end;
    let (whole, cold) = (globals::nf_hook_slow(0), globals::nf_hook_slow(1));
    whole[0] == 0 || within(whole) || within(cold)
}

/// Netfilter dropped the packet at `skb`.
#[inline(always)]
pub(crate) fn dropped(skb: u64) {
    // Anything but 0 is an entry, or the mark of packets that are not tracked.
    match read::<u64>(skb + u64::from(globals::skb_nfct())) {
        Some(0) => {}
        Some(_) => return,
        None => {
            count::lose(Loss::Unreadable);
            return;
        }
    }
    if let Err(NoTuple::OutOfReach) = count(skb) {
        count::lose(Loss::RefusedUnattributed);
    }
}

/// Sends the packet at `skb`, if it is one whose refusal was told on this stack.
#[inline(always)]
pub(crate) fn packet_of_refused(skb: u64, stack_pointer: u64) {
    let Some(stack) = stacks::of(stack_pointer) else {
        return;
    };
    // SAFETY: a map value, this stack's own.
    let (time_ns, cpu, refused) =
        unsafe { ((*stack).refused_ns, (*stack).refused_cpu, (*stack).refused) };
    if time_ns == 0 || read::<u64>(skb + u64::from(globals::skb_nfct())) != Some(0) {
        return;
    }
    let Ok(tuple) = packet::tuple_of(skb) else {
        return;
    };
    if classify::is_same(&tuple, &refused) {
        // SAFETY: as above.
        unsafe { (*stack).refused_ns = 0 };
        events::send_packet_of(skb, time_ns, cpu);
    }
}

#[inline(always)]
fn count(skb: u64) -> Result<(), NoTuple> {
    let net = packet::netns_of(skb)?;
    let tuple = packet::tuple_of(skb)?;
    let cookie = net_cookie(net).ok_or(NoTuple::OutOfReach)?;
    let key = classify::key_of(&tuple, cookie, &Ends::of(&tuple, cookie));
    let Some(refused) = REFUSED.get_ptr_mut(&key).or_else(|| enter(&key, net)) else {
        count::lose(Loss::Unattributed);
        return Ok(());
    };
    // SAFETY: a map value that is never removed; `packets` is aligned to eight.
    unsafe { add(&raw mut (*refused).packets, 1) };
    if let Some(sum) = REFUSED_SUM.get_ptr_mut(count::cpu()) {
        // SAFETY: a map value.
        unsafe { add(sum, 1) };
    }
    Ok(())
}

/// The new value of an endpoint seen for the first time; `None` when the map is full.
#[inline(always)]
fn enter(key: &KeyWords, net: u64) -> Option<*mut Refused> {
    let refused = Refused {
        packets: 0,
        netns_inode: read(net + u64::from(globals::net_inum())).unwrap_or(0),
        pad: 0,
    };
    // It fails when another CPU was first, too: its value is the one.
    let _ = REFUSED.insert(key, &refused, u64::from(BPF_NOEXIST));
    REFUSED.get_ptr_mut(key)
}
