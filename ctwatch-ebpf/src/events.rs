//! Events: one record for each connection refused and each entry evicted, through a ring buffer. Counters are exact
//! without them. Under a storm each CPU sends so many in a tenth of a second and no more; what is left out is counted,
//! and so is what finds no room.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{bpf_ktime_get_ns, bpf_probe_read_kernel},
    macros::map,
    maps::{Array, RingBuf},
};
use ctwatch_common::{
    event::{AGE_UNKNOWN, Event, PACKET_BYTES, Packet, RING_BYTES, ZONE_UNKNOWN, kind},
    layout::{ABSENT, Tuple},
    limits::UNATTRIBUTED,
};

use crate::{
    count::{self, Loss},
    globals,
    memory::read,
    packet,
};

/// The reader maps it and looks at it by and by: nobody is woken.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// What each CPU has sent lately; the loader sets the size.
#[map]
static BUDGETS: Array<Budget> = Array::with_max_entries(1, 0);

/// One CPU's.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// The tenth of a second, counted from the boot.
    window: u64,
    /// Events sent in it.
    used: u32,
    pad: u32,
}

/// Whom an event is about, but for the tuple.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) net: u64,
    pub(crate) net_cookie: u64,
    pub(crate) zone: u32,
    pub(crate) slot: u32,
    pub(crate) other_slot: u32,
    pub(crate) status: u32,
    pub(crate) left_jiffies: u32,
    pub(crate) age_jiffies: u32,
    pub(crate) tcp_state: u32,
}

impl Subject {
    /// Nobody, of whom nothing is known.
    pub(crate) const NONE: Self = Self {
        net: 0,
        net_cookie: 0,
        zone: ZONE_UNKNOWN,
        slot: UNATTRIBUTED,
        other_slot: UNATTRIBUTED,
        status: 0,
        left_jiffies: 0,
        age_jiffies: AGE_UNKNOWN,
        tcp_state: 0,
    };
}

/// Whether anybody reads events.
#[inline(always)]
pub(crate) fn are_wanted() -> bool {
    globals::wanted().burst != 0
}

/// Sends an event; `other` is the address of the tuple of whoever came for it, or had come before, or 0. Yields its time,
/// or 0 when it was not sent.
#[inline(never)]
pub(crate) fn send(reason: u32, subject: &Subject, tuple: &Tuple, other: u64) -> u64 {
    let inode = read::<u32>(subject.net + u64::from(globals::net_inum())).unwrap_or(0);
    if !is_wanted(inode, tuple, other) {
        return 0;
    }
    if !is_affordable() {
        count::lose(Loss::EventsSuppressed);
        return 0;
    }
    let Some(mut room) = EVENTS.reserve::<Event>(0) else {
        count::lose(Loss::EventsLost);
        return 0;
    };
    // SAFETY: a helper without arguments.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    let event = room.as_mut_ptr();
    // SAFETY: room for an event, every member of which is written.
    unsafe {
        (*event).kind = kind::EVENT;
        (*event).reason = reason;
        (*event).time_ns = time_ns;
        (*event).net_cookie = subject.net_cookie;
        (*event).netns_inode = inode;
        (*event).cpu = count::cpu();
        (*event).slot = subject.slot;
        (*event).other_slot = subject.other_slot;
        (*event).zone = subject.zone;
        (*event).status = subject.status;
        (*event).left_jiffies = subject.left_jiffies;
        (*event).age_jiffies = subject.age_jiffies;
        (*event).tcp_state = subject.tcp_state;
        (*event).tuple = *tuple;
        // Zeros where it cannot be read.
        let failed = bpf_probe_read_kernel(
            (&raw mut (*event).other).cast(),
            size_of::<Tuple>() as u32,
            other as *const _,
        );
        (*event).has_other = u32::from(failed == 0);
    }
    room.submit(u64::from(BPF_RB_NO_WAKEUP));
    time_ns
}

/// Sends the beginning of the packet at `skb`, whose event was sent at `time_ns` by this CPU.
#[inline(always)]
pub(crate) fn send_packet(skb: u64, time_ns: u64) {
    send_packet_of(skb, time_ns, count::cpu());
}

/// As [`send_packet`], with the processor that sent the event.
#[inline(never)]
pub(crate) fn send_packet_of(skb: u64, time_ns: u64, cpu: u32) {
    if time_ns == 0 || globals::wanted().packets == 0 {
        return;
    }
    let Some((header, linear, whole)) = packet::extent(skb) else {
        count::lose(Loss::Packets);
        return;
    };
    let Some(mut room) = EVENTS.reserve::<Packet>(0) else {
        count::lose(Loss::Packets);
        return;
    };
    let length = linear.min(PACKET_BYTES as u32);
    let packet = room.as_mut_ptr();
    // SAFETY: room for a packet, every member of which is written.
    let failed = unsafe {
        (*packet).kind = kind::PACKET;
        (*packet).cpu = cpu;
        (*packet).time_ns = time_ns;
        (*packet).length = length;
        (*packet).whole_length = whole;
        packet::copy(&raw mut (*packet).bytes, header, length)
    };
    if failed {
        room.discard(u64::from(BPF_RB_NO_WAKEUP));
        count::lose(Loss::Packets);
    } else {
        room.submit(u64::from(BPF_RB_NO_WAKEUP));
    }
}

#[inline(always)]
fn is_wanted(inode: u32, tuple: &Tuple, other: u64) -> bool {
    let wanted = globals::wanted();
    if wanted.netns_inode != 0 && wanted.netns_inode != inode {
        return false;
    }
    if wanted.port == 0 {
        return true;
    }
    let port = |bytes: [u8; 2]| u32::from(u16::from_be_bytes(bytes));
    let other = read::<[u8; 2]>(other + PORT).unwrap_or_default();
    port(tuple.dst_port) == wanted.port || port(other) == wanted.port
}

/// `dst.u.all` in a tuple; the loader checks it.
const PORT: u64 = 36;

/// Whether this CPU may send another one in this tenth of a second.
#[inline(always)]
fn is_affordable() -> bool {
    let wanted = globals::wanted();
    let Some(budget) = BUDGETS.get_ptr_mut(count::cpu()) else {
        return false;
    };
    let window = count::now() / u64::from(wanted.window_jiffies.max(1));
    // SAFETY: this CPU's map value. A program that interrupts this one may send one more.
    unsafe {
        if (*budget).window != window {
            (*budget).window = window;
            (*budget).used = 0;
        }
        if (*budget).used >= wanted.burst {
            return false;
        }
        (*budget).used += 1;
    }
    true
}

/// The number of the `struct nf_conntrack_zone` at this address.
#[inline(always)]
pub(crate) fn zone_at(address: u64) -> u32 {
    match address {
        0 => ZONE_UNKNOWN,
        _ => read::<u16>(address).map_or(ZONE_UNKNOWN, u32::from),
    }
}

/// The zone of an entry.
#[inline(always)]
pub(crate) fn zone_of(conn: u64) -> u32 {
    match globals::conn_zone() {
        ABSENT => ZONE_UNKNOWN,
        offset => zone_at(conn + u64::from(offset)),
    }
}
