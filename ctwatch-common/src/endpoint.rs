//! What an entry is counted under.

use bytemuck::{Pod, Zeroable};

/// `AF_INET`, the `l3num` of an IPv4 tuple.
pub const AF_INET: u8 = 2;
/// `AF_INET6`, the `l3num` of an IPv6 tuple.
pub const AF_INET6: u8 = 10;

/// UDP ports of encapsulations, whose both directions carry the same destination port:
/// VXLAN (IANA), VXLAN (Linux default) and Geneve.
pub const ENCAPSULATION_PORTS: [u16; 3] = [4789, 8472, 6081];

/// How the original direction of an entry passes the node. A byte, for the layout's sake.
pub mod role {
    /// The addresses of the entry's network namespace had not been read when it was counted.
    pub const UNKNOWN: u8 = 0;
    /// To one of the node's own addresses from elsewhere.
    pub const INBOUND: u8 = 1;
    /// From one of the node's own addresses to elsewhere.
    pub const OUTBOUND: u8 = 2;
    /// Neither end is the node's.
    pub const FORWARDED: u8 = 3;
    /// Both ends are the node's.
    pub const LOOPBACK: u8 = 4;
    /// VXLAN or Geneve between this node and another.
    pub const ENCAPSULATION: u8 = 5;
}

/// An address as it lies in a tuple (`union nf_inet_addr`): bytes in network order, IPv4 in the first word, the
/// rest zeros. Words, for the kernel side has no unaligned loads and would read bytes one by one.
pub type Address = [u32; 4];

/// Key of an endpoint: everything that shares it is counted together.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct EndpointKey {
    /// `net->net_cookie`: never reused while the kernel runs, unlike the inode number.
    pub net_cookie: u64,
    /// The service address where it is one of the node's own, else zeros, so that foreign addresses do not
    /// multiply keys.
    pub address: Address,
    /// Destination port of the original direction (before DNAT), host order; 0 for protocols without ports.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u8,
    /// One of [`role`].
    pub role: u8,
    /// Zero.
    pub pad: [u8; 3],
}

/// Key of the map that holds the node's own addresses.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct LocalAddress {
    /// `net->net_cookie` of the namespace that owns the address.
    pub net_cookie: u64,
    /// The address as in [`EndpointKey::address`].
    pub address: Address,
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u8,
    /// Zero.
    pub pad: [u8; 7],
}

/// A key of either kind as the kernel side makes it: four words, put together in registers. Byte members would be
/// zeroed by a call of `memset` that goes byte by byte.
pub type KeyWords = [u64; 4];

/// The words of an [`EndpointKey`].
#[inline(always)]
#[must_use]
pub const fn endpoint_words(
    net_cookie: u64,
    address: &Address,
    port: u16,
    (protocol, family, role): (u8, u8, u8),
) -> KeyWords {
    let last = port as u64 | (protocol as u64) << 16 | (family as u64) << 24 | (role as u64) << 32;
    [net_cookie, low(address), high(address), last]
}

/// The words of a [`LocalAddress`].
#[inline(always)]
#[must_use]
pub const fn local_words(net_cookie: u64, address: &Address, family: u8) -> KeyWords {
    [net_cookie, low(address), high(address), family as u64]
}

const fn low(address: &Address) -> u64 {
    address[0] as u64 | (address[1] as u64) << 32
}

const fn high(address: &Address) -> u64 {
    address[2] as u64 | (address[3] as u64) << 32
}

// The words are those of a little-endian machine, as all that ctwatch runs on are.
const _: () = assert!(cfg!(target_endian = "little"));
const _: () = assert!(size_of::<EndpointKey>() == 32);
const _: () = assert!(size_of::<LocalAddress>() == 32);

/// Words of the filter of own addresses, of 64 bits each.
pub const FILTER_WORDS: u32 = 64;

/// Word and bit of the filter that an address of a namespace sets: while no own address has set the bit, the
/// address is foreign there.
#[inline(always)]
#[must_use]
pub fn filter_bit(net_cookie: u64, address: &Address) -> (u32, u64) {
    let folded = address[0] ^ address[1] ^ address[2] ^ address[3] ^ net_cookie as u32;
    let mixed = folded.wrapping_mul(0x9E37_79B1);
    (mixed >> 26, 1 << (mixed >> 20 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lie_as_the_members_do() {
        let address = [0x0102_0304, 0x0506_0708, 0x090a_0b0c, 0x0d0e_0f10];
        let key = EndpointKey {
            net_cookie: 77,
            address,
            port: 443,
            protocol: 6,
            family: AF_INET6,
            role: role::LOOPBACK,
            pad: [0; 3],
        };
        let words = endpoint_words(77, &address, 443, (6, AF_INET6, role::LOOPBACK));
        assert_eq!(bytemuck::cast::<_, KeyWords>(key), words);
        let local = LocalAddress {
            net_cookie: 77,
            address,
            family: AF_INET6,
            pad: [0; 7],
        };
        assert_eq!(
            bytemuck::cast::<_, KeyWords>(local),
            local_words(77, &address, AF_INET6)
        );
    }
}
