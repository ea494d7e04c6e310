//! From a packet to what its connection's entry would be: namespace and original tuple.

use ctwatch_common::{
    endpoint::{AF_INET, AF_INET6},
    layout::Tuple,
};
use network_types::ip::IpProto;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use crate::{classify, globals, memory::read};

/// Why a packet has no tuple.
pub(crate) enum NoTuple {
    /// Connection tracking makes no entry of it, so it cannot have been refused one.
    Untrackable,
    /// The bytes are elsewhere, or deeper than this program looks.
    OutOfReach,
}

/// The namespace whose tracking would have seen the packet first, as the address of its `struct net`.
///
/// Tracking comes before routing for what arrives (PREROUTING) and after it for what the node itself sends (OUTPUT).
/// A packet that arrived and has been routed was let pass by tracking: what dropped it is a rule.
#[inline(always)]
pub(crate) fn netns_of(skb: u64) -> Result<u64, NoTuple> {
    /// `SKB_DST_NOREF`
    const NOREF: u64 = 1;
    let route = member::<u64>(skb, globals::skb_dst())? & !NOREF;
    let routed_by = match route {
        0 => 0,
        // 0 for the metadata of a tunnel, which is no route.
        _ => member::<u64>(route, globals::dst_dev())?,
    };
    let device = if routed_by != 0 {
        if member::<u32>(skb, globals::skb_iif())? != 0 {
            return Err(NoTuple::Untrackable);
        }
        routed_by
    } else {
        member(skb, globals::skb_dev())?
    };
    match device {
        0 => Err(NoTuple::OutOfReach),
        _ => member(device, globals::dev_net()),
    }
}

/// The tuple of the packet as it is: nothing has translated it yet where tracking looks at it first.
#[inline(always)]
pub(crate) fn tuple_of(skb: u64) -> Result<Tuple, NoTuple> {
    let head = member::<u64>(skb, globals::skb_head())?;
    let end = head + u64::from(member::<u32>(skb, globals::skb_tail())?);
    let header = head + u64::from(member::<u16>(skb, globals::skb_network_header())?);
    let (mut tuple, transport) = match member::<u8>(header, 0)? >> 4 {
        4 => ipv4(header)?,
        6 => ipv6(header)?,
        _ => return Err(NoTuple::Untrackable),
    };
    if classify::has_ports(tuple.protonum) {
        // What follows may lie in pages that the packet only refers to.
        if transport + 4 > end {
            return Err(NoTuple::OutOfReach);
        }
        let ports: [[u8; 2]; 2] = member(transport, 0)?;
        [tuple.src_port, tuple.dst_port] = ports;
    } else if is_icmp(tuple.protonum) {
        // As `icmp_pkt_to_tuple` does.
        if transport + 8 > end {
            return Err(NoTuple::OutOfReach);
        }
        let [kind_and_code, _, identifier, _]: [[u8; 2]; 4] = member(transport, 0)?;
        [tuple.src_port, tuple.dst_port] = [identifier, kind_and_code];
    }
    Ok(tuple)
}

#[inline(always)]
fn is_icmp(protocol: u8) -> bool {
    protocol == IpProto::Icmp as u8 || protocol == IpProto::Ipv6Icmp as u8
}

/// Tuple without ports, and where the transport header is. Fragments are put together before tracking looks at them
/// (PREROUTING) or not tracked (OUTPUT).
#[inline(always)]
fn ipv4(header: u64) -> Result<(Tuple, u64), NoTuple> {
    /// `IP_MF | IP_OFFSET`
    const FRAGMENT: u32 = 0x3fff;
    let words: [u32; 5] = member(header, 0)?;
    if u32::from_be(words[1]) & FRAGMENT != 0 {
        return Err(NoTuple::Untrackable);
    }
    let mut tuple = empty(AF_INET, (u32::from_be(words[2]) >> 16) as u8);
    tuple.src_address[0] = words[3];
    tuple.dst_address[0] = words[4];
    let length = u32::from_be(words[0]) >> 24 & 0xf;
    Ok((tuple, header + u64::from(length * 4)))
}

/// Tuple without ports, and where the transport header is, behind at most [`EXTENSIONS`] extension headers.
#[inline(always)]
fn ipv6(header: u64) -> Result<(Tuple, u64), NoTuple> {
    let words: [u32; 10] = member(header, 0)?;
    let mut next = (u32::from_be(words[1]) >> 8) as u8;
    let mut at = header + 40;
    for _ in 0..EXTENSIONS {
        let Some(length) = extension(next, at)? else {
            break;
        };
        next = member(at, 0)?;
        at += length;
    }
    if extension(next, at)?.is_some() {
        return Err(NoTuple::OutOfReach);
    }
    let mut tuple = empty(AF_INET6, next);
    tuple.src_address = [words[2], words[3], words[4], words[5]];
    tuple.dst_address = [words[6], words[7], words[8], words[9]];
    Ok((tuple, at))
}

/// A TCP packet's flags; `None` where they are out of reach, or it is no TCP packet.
#[inline(always)]
pub(crate) fn tcp_flags(skb: u64) -> Option<u8> {
    const FLAGS: u32 = 13;
    let head = read::<u64>(skb + u64::from(globals::skb_head()))?;
    let header = head + u64::from(read::<u16>(skb + u64::from(globals::skb_network_header()))?);
    let (tuple, transport) = match read::<u8>(header)? >> 4 {
        4 => ipv4(header).ok()?,
        6 => ipv6(header).ok()?,
        _ => return None,
    };
    if tuple.protonum != IpProto::Tcp as u8 {
        return None;
    }
    read(transport + u64::from(FLAGS))
}

/// Where a packet's network header is, how many bytes from there on lie in a row, and how many there are in all.
#[inline(always)]
pub(crate) fn extent(skb: u64) -> Option<(u64, u32, u32)> {
    let head = read::<u64>(skb + u64::from(globals::skb_head()))?;
    let data = read::<u64>(skb + u64::from(globals::skb_data()))?;
    let tail = read::<u32>(skb + u64::from(globals::skb_tail()))?;
    let length = read::<u32>(skb + u64::from(globals::skb_len()))?;
    let network = u32::from(read::<u16>(skb + u64::from(globals::skb_network_header()))?);
    let pulled = (data - head) as u32;
    let whole = length.wrapping_add(pulled).wrapping_sub(network);
    Some((head + u64::from(network), tail.wrapping_sub(network), whole))
}

/// Copies the first `length` bytes at `header`, at most as many as there is room for; says whether that failed.
#[inline(always)]
pub(crate) fn copy<const N: usize>(bytes: *mut [u8; N], header: u64, length: u32) -> bool {
    let length = length.min(N as u32);
    // SAFETY: room for N bytes, which the helper fills up to `length`.
    unsafe { bpf_probe_read_kernel(bytes.cast(), length, header as *const _) != 0 }
}

/// Extension headers that are followed.
const EXTENSIONS: u32 = 4;

/// Length of the extension header of kind `next` at `at`, as `ipv6_skip_exthdr` sees it; `None` for what is none.
#[inline(always)]
fn extension(next: u8, at: u64) -> Result<Option<u64>, NoTuple> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const NONE: u8 = 59;
    const DESTINATION: u8 = 60;
    Ok(match next {
        HOP_BY_HOP | ROUTING | DESTINATION => Some((u64::from(member::<u8>(at, 1)?) + 1) * 8),
        AUTHENTICATION => Some((u64::from(member::<u8>(at, 1)?) + 2) * 4),
        FRAGMENT if u16::from_be(member(at, 2)?) & !7 != 0 => return Err(NoTuple::Untrackable),
        FRAGMENT => Some(8),
        NONE => return Err(NoTuple::Untrackable),
        _ => None,
    })
}

#[inline(always)]
pub(crate) fn empty(family: u8, protocol: u8) -> Tuple {
    Tuple {
        src_address: [0; 4],
        src_port: [0; 2],
        l3num: u16::from(family),
        dst_address: [0; 4],
        dst_port: [0; 2],
        protonum: protocol,
        dir: 0,
    }
}

/// A member of the structure at `address`.
#[inline(always)]
fn member<T: Copy>(address: u64, offset: u32) -> Result<T, NoTuple> {
    read(address + u64::from(offset)).ok_or(NoTuple::OutOfReach)
}
