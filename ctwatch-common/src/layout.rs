//! Offsets in the running kernel's structures, resolved from its BTF by the loader.

use bytemuck::{Pod, Zeroable};

use crate::endpoint::Address;

/// A member that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// Byte offsets, written into the kernel object's read-only data before it is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Layout {
    /// Where the bytes that every insert and end looks at begin in `struct nf_conn`.
    pub window_start: u32,
    /// How many they are; at most [`MAX_WINDOW`].
    pub window_len: u32,
    /// `nf_conn.tuplehash[IP_CT_DIR_ORIGINAL].tuple`, relative to the window.
    pub original: u32,
    /// `nf_conn.status`, relative to the window.
    pub status: u32,
    /// `nf_conn.ct_net`, relative to the window.
    pub ct_net: u32,
    /// `nf_conn.ext`, relative to the window.
    pub ext: u32,
    /// `nf_conn.proto.tcp.state`, from the start of `struct nf_conn`.
    pub tcp_state: u32,
    /// `nf_conn.tuplehash[IP_CT_DIR_ORIGINAL].tuple`, from the start of `struct nf_conn`.
    pub conn_original: u32,
    /// `nf_conn.status`, from the start of `struct nf_conn`.
    pub conn_status: u32,
    /// `nf_conn.timeout`, from the start of `struct nf_conn`.
    pub conn_timeout: u32,
    /// `nf_conn.ct_net`, from the start of `struct nf_conn`.
    pub conn_ct_net: u32,
    /// `nf_conn.ext`, from the start of `struct nf_conn`.
    pub conn_ext: u32,
    /// `nf_ct_ext.offset[NF_CT_EXT_HELPER]`.
    pub ext_helper: u32,
    /// `net.net_cookie`.
    pub net_cookie: u32,
    /// `net.ns.inum`.
    pub net_inum: u32,
    /// The namespace's reference count, 0 when it is being torn down; [`ABSENT`] where BTF does not tell.
    pub net_count: u32,
    /// `sk_buff._nfct`.
    pub skb_nfct: u32,
    /// `nf_conntrack_tuple_hash.tuple`.
    pub hash_tuple: u32,
    /// Size of `struct nf_conntrack_tuple_hash`: the reply half of an entry lies so far behind the original.
    pub hash_size: u32,
    /// `nf_conn.zone.id`; [`ABSENT`] where the kernel has no zones.
    pub conn_zone: u32,
}

/// Byte offsets in a packet and its surroundings, and how to tell that netfilter dropped it. Written into the kernel
/// object's read-only data before it is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct PacketLayout {
    /// `SKB_DROP_REASON_NETFILTER_DROP` of this kernel; [`ABSENT`] where kernels have no such reason (before 5.18).
    pub netfilter_drop: u32,
    /// `sk_buff.head`.
    pub skb_head: u32,
    /// `sk_buff.tail`: end of the bytes that lie in a row, relative to the head.
    pub skb_tail: u32,
    /// `sk_buff.network_header`, relative to the head.
    pub skb_network_header: u32,
    /// `sk_buff._skb_refdst`.
    pub skb_dst: u32,
    /// `sk_buff.dev`.
    pub skb_dev: u32,
    /// `sk_buff.skb_iif`: 0 for packets of the node's own.
    pub skb_iif: u32,
    /// `dst_entry.dev`.
    pub dst_dev: u32,
    /// `net_device.nd_net.net`.
    pub dev_net: u32,
    /// `sk_buff.len`.
    pub skb_len: u32,
    /// `sk_buff.data`.
    pub skb_data: u32,
    /// Zero.
    pub pad: u32,
    /// Text of `nf_hook_slow`, which frees the packets whose hook returns NF_DROP: first address and first address after
    /// it, in at most two pieces. Zeros where the kernel hides its addresses, which only a kernel with a reason may.
    pub nf_hook_slow: [[u64; 2]; 2],
}

/// The most bytes of `struct nf_conn` that one read takes.
pub const MAX_WINDOW: u32 = 160;

/// `struct nf_conntrack_tuple`. The loader refuses a kernel whose BTF disagrees.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Tuple {
    /// `src.u3`: source address, as in [`Address`].
    pub src_address: Address,
    /// `src.u.all`: source port, network order; ICMP identifier.
    pub src_port: [u8; 2],
    /// `src.l3num`: address family.
    pub l3num: u16,
    /// `dst.u3`: destination address.
    pub dst_address: Address,
    /// `dst.u.all`: destination port, network order; ICMP type and code.
    pub dst_port: [u8; 2],
    /// `dst.protonum`.
    pub protonum: u8,
    /// `dst.dir`.
    pub dir: u8,
}

const _: () = assert!(size_of::<Tuple>() == 40);

/// Bits of `nf_conn.status` (`enum ip_conntrack_status`).
pub mod status {
    /// `IPS_SEEN_REPLY`
    pub const SEEN_REPLY: u64 = 1 << 1;
    /// `IPS_ASSURED`
    pub const ASSURED: u64 = 1 << 2;
    /// `IPS_CONFIRMED`: it is, or was, in the table.
    pub const CONFIRMED: u64 = 1 << 3;
    /// `IPS_SRC_NAT`
    pub const SRC_NAT: u64 = 1 << 4;
    /// `IPS_DST_NAT`
    pub const DST_NAT: u64 = 1 << 5;
    /// `IPS_DYING`: `nf_ct_delete` was called.
    pub const DYING: u64 = 1 << 9;
    /// `IPS_NAT_CLASH`: inserted on the reply side only.
    pub const NAT_CLASH: u64 = 1 << 12;
    /// `IPS_HELPER`: a helper was assigned by a rule.
    pub const HELPER: u64 = 1 << 13;
}
