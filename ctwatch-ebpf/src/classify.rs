//! From a tuple to the endpoint it is counted under. `ctwatch::analysis` has the same rules for dumps.

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap},
};
use ctwatch_common::{
    endpoint::{
        AF_INET, Address, ENCAPSULATION_PORTS, FILTER_WORDS, KeyWords, endpoint_words, filter_bit,
        local_words, role,
    },
    layout::Tuple,
    limits::{self, UNATTRIBUTED},
};
use network_types::ip::IpProto;

use crate::{
    count, globals,
    slots::{self, Target},
};

/// One bit for each own address (`ctwatch_common::endpoint::filter_bit`): a bit that is not set proves an
/// address foreign without a look-up. Written by userspace alone.
#[map]
static FILTER: Array<u64> = Array::with_max_entries(FILTER_WORDS, BPF_F_MMAPABLE);

/// The node's own addresses (`LocalAddress`). Written by userspace when they change.
#[map]
static LOCAL: HashMap<KeyWords, u32> = HashMap::with_max_entries(limits::LOCAL_ADDRESSES, 0);

/// Cookies of the namespaces whose addresses are in [`LOCAL`].
#[map]
static KNOWN: HashMap<u64, u32> = HashMap::with_max_entries(limits::NAMESPACES, 0);

/// Finds the slot of the endpoint that `tuple` belongs to, or takes one for it.
///
/// A tuple from elsewhere, the common case, is first held against the one before it on this CPU.
#[inline(always)]
pub(crate) fn slot_of(ctx: &impl EbpfContext, tuple: &Tuple, net: u64, net_cookie: u64) -> u32 {
    let from_own = may_be_local(net_cookie, tuple.l3num as u8, &tuple.src_address);
    if !from_own && let Some(slot) = slots::last(&target(tuple, net_cookie)) {
        return slot;
    }
    look_up(ctx, tuple, net, net_cookie, from_own)
}

#[inline(always)]
fn target(tuple: &Tuple, net_cookie: u64) -> Target {
    let [a, b, c, d] = tuple.dst_address.map(u64::from);
    let kind = u64::from(u16::from_ne_bytes(tuple.dst_port))
        | u64::from(tuple.protonum) << 16
        | u64::from(tuple.l3num) << 32;
    [net_cookie, a | b << 32, c | d << 32, kind]
}

/// As [`slot_of`], with all look-ups that it takes.
#[inline(never)]
fn look_up<C: EbpfContext>(
    ctx: &C,
    tuple: &Tuple,
    net: u64,
    net_cookie: u64,
    from_own: bool,
) -> u32 {
    count::note_origin();
    // Before the addresses are looked up: should they change meanwhile, what is found does not hold for long.
    let epoch = globals::epoch();
    let key = key_of(tuple, net_cookie, &Ends::of(tuple, net_cookie));
    let slot = slots::find(&key).unwrap_or_else(|| slots::take(ctx, &key, net));
    if !from_own && slot != UNATTRIBUTED {
        slots::set_last(&target(tuple, net_cookie), slot, epoch);
    }
    slot
}

/// What a tuple's ends are as far as the filter tells.
pub(crate) struct Ends {
    /// `false` proves that the destination is not the node's.
    to_own: bool,
    /// `false` proves that the source is not.
    from_own: bool,
    port: u16,
    encapsulated: bool,
}

impl Ends {
    #[inline(always)]
    pub(crate) fn of(tuple: &Tuple, net_cookie: u64) -> Self {
        let family = tuple.l3num as u8;
        let port = port(tuple);
        Self {
            to_own: may_be_local(net_cookie, family, &tuple.dst_address),
            from_own: may_be_local(net_cookie, family, &tuple.src_address),
            port,
            encapsulated: tuple.protonum == IpProto::Udp as u8 && is_encapsulation(port),
        }
    }
}

/// The key of the endpoint that `tuple` belongs to.
#[inline(always)]
pub(crate) fn key_of(tuple: &Tuple, net_cookie: u64, ends: &Ends) -> KeyWords {
    let family = tuple.l3num as u8;
    let to_own = ends.to_own && is_local(net_cookie, family, &tuple.dst_address);
    let from_own = ends.from_own && is_local(net_cookie, family, &tuple.src_address);
    let role = match (from_own, to_own) {
        (false, false) if is_known(net_cookie) => role::FORWARDED,
        (false, false) => role::UNKNOWN,
        _ if ends.encapsulated => role::ENCAPSULATION,
        (false, true) => role::INBOUND,
        (true, false) => role::OUTBOUND,
        (true, true) => role::LOOPBACK,
    };
    let kind = (tuple.protonum, family, role);
    if to_own {
        endpoint_words(net_cookie, &tuple.dst_address, ends.port, kind)
    } else if from_own && ends.encapsulated {
        endpoint_words(net_cookie, &tuple.src_address, ends.port, kind)
    } else {
        endpoint_words(net_cookie, &[0; 4], ends.port, kind)
    }
}

/// Whether two original tuples are the same but for the direction.
#[inline(always)]
pub(crate) fn is_same(a: &Tuple, b: &Tuple) -> bool {
    let words = |tuple: &Tuple| {
        // SAFETY: a tuple is forty plain bytes, aligned to four at least; its last byte is the direction.
        unsafe { core::ptr::from_ref(tuple).cast::<[u32; 10]>().read() }
    };
    let (a, b) = (words(a), words(b));
    let mut differs = 0;
    for n in 0..9 {
        differs |= a[n] ^ b[n];
    }
    differs | ((a[9] ^ b[9]) & 0x00ff_ffff) == 0
}

/// Destination port in host order; 0 for protocols without ports (ICMP keeps type and code there, GRE a key).
#[inline(always)]
fn port(tuple: &Tuple) -> u16 {
    if has_ports(tuple.protonum) {
        u16::from_be_bytes(tuple.dst_port)
    } else {
        0
    }
}

/// Whether a protocol's header begins with the source and the destination port.
#[inline(always)]
pub(crate) fn has_ports(protocol: u8) -> bool {
    const WITH_PORTS: [IpProto; 5] = [
        IpProto::Tcp,
        IpProto::Udp,
        IpProto::Dccp,
        IpProto::Sctp,
        IpProto::UdpLite,
    ];
    WITH_PORTS.iter().any(|&proto| proto as u8 == protocol)
}

#[inline(always)]
fn is_encapsulation(port: u16) -> bool {
    port == ENCAPSULATION_PORTS[0]
        || port == ENCAPSULATION_PORTS[1]
        || port == ENCAPSULATION_PORTS[2]
}

/// 127.0.0.0/8 is the node's own without being listed address by address.
#[inline(always)]
fn is_loopback(family: u8, address: &Address) -> bool {
    family == AF_INET && address[0].to_ne_bytes()[0] == 127
}

/// `false` proves the address foreign.
#[inline(always)]
fn may_be_local(net_cookie: u64, family: u8, address: &Address) -> bool {
    let (word, bit) = filter_bit(net_cookie, address);
    // SAFETY: a map value; userspace only adds bits.
    let bits = FILTER.get_ptr(word).map_or(0, |bits| unsafe { *bits });
    bits & bit != 0 || is_loopback(family, address)
}

#[inline(always)]
fn is_local(net_cookie: u64, family: u8, address: &Address) -> bool {
    if is_loopback(family, address) {
        return true;
    }
    let key = local_words(net_cookie, address, family);
    LOCAL.get_ptr(&key).is_some()
}

#[inline(always)]
fn is_known(net_cookie: u64) -> bool {
    KNOWN.get_ptr(&net_cookie).is_some()
}
