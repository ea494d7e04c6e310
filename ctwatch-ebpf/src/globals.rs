//! What the loader writes into read-only data before the verifier sees the programs.

use ctwatch_common::{
    event::Wanted,
    layout::{ABSENT, Layout, PacketLayout},
};

/// Offsets of this kernel.
#[unsafe(no_mangle)]
static LAYOUT: Layout = Layout {
    window_start: 0,
    window_len: 0,
    original: 0,
    status: 0,
    ct_net: 0,
    ext: 0,
    tcp_state: 0,
    conn_original: 0,
    conn_status: 0,
    conn_timeout: 0,
    conn_ct_net: 0,
    conn_ext: 0,
    ext_helper: 0,
    net_cookie: 0,
    net_inum: 0,
    net_count: 0,
    skb_nfct: 0,
    hash_tuple: 0,
    hash_size: 0,
    conn_zone: ABSENT,
};

/// Offsets in packets; only the `kfree_skb` program reads it.
#[unsafe(no_mangle)]
static PACKET: PacketLayout = PacketLayout {
    netfilter_drop: ABSENT,
    skb_head: 0,
    skb_tail: 0,
    skb_network_header: 0,
    skb_dst: 0,
    skb_dev: 0,
    skb_iif: 0,
    dst_dev: 0,
    dev_net: 0,
    skb_len: 0,
    skb_data: 0,
    pad: 0,
    nf_hook_slow: [[0; 2]; 2],
};

/// Which events are wanted.
#[unsafe(no_mangle)]
static WANTED: Wanted = Wanted {
    burst: 0,
    packets: 0,
    netns_inode: 0,
    port: 0,
    window_jiffies: 1,
    pad: 0,
};

/// Counts how often the own addresses changed. The only variable that userspace writes while programs run.
#[unsafe(no_mangle)]
static mut EPOCH: u32 = 0;

/// Places of [`crate::entries`], less one.
#[unsafe(no_mangle)]
static ENTRIES_MASK: u32 = 0;

/// 1 where the `delete` program sits behind the test of `IPS_DYING` (a split `nf_ct_delete`, Linux 5.10).
#[unsafe(no_mangle)]
static DYING_AT_DELETE: u32 = 0;

/// 1 where inserts are seen at the exit of `__nf_conntrack_confirm`.
#[unsafe(no_mangle)]
static INSERT_AT_CONFIRM: u32 = 0;

/// 1 where userspace cannot learn a namespace's cookie (`SO_NETNS_COOKIE` came with Linux 5.14): the inode number
/// takes its place.
#[unsafe(no_mangle)]
static NETNS_BY_INODE: u32 = 0;

macro_rules! offsets {
    ($layout:ident: $($name:ident),*) => {
        $(
            /// The member of that name.
            #[inline(always)]
            pub(crate) fn $name() -> u32 {
                // SAFETY: a static; volatile because the loader changes it after compilation.
                unsafe { core::ptr::read_volatile(&raw const $layout.$name) }
            }
        )*
    };
}

offsets!(
    PACKET: netfilter_drop,
    skb_head,
    skb_tail,
    skb_network_header,
    skb_dst,
    skb_dev,
    skb_iif,
    dst_dev,
    dev_net,
    skb_len,
    skb_data
);

offsets!(
    LAYOUT: window_start,
    window_len,
    original,
    status,
    ct_net,
    ext,
    tcp_state,
    conn_original,
    conn_status,
    conn_timeout,
    conn_ct_net,
    conn_ext,
    ext_helper,
    net_cookie,
    net_inum,
    net_count,
    skb_nfct,
    hash_tuple,
    hash_size,
    conn_zone
);

/// The `n`th piece of `nf_hook_slow`: first address, first address after it.
#[inline(always)]
pub(crate) fn nf_hook_slow(n: usize) -> [u64; 2] {
    // SAFETY: as above; `n` is 0 or 1 at its only call.
    unsafe { core::ptr::read_volatile(&raw const PACKET.nf_hook_slow[n]) }
}

/// Which events are wanted.
#[inline(always)]
pub(crate) fn wanted() -> Wanted {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const WANTED) }
}

/// See [`EPOCH`].
#[inline(always)]
pub(crate) fn epoch() -> u32 {
    // SAFETY: a word that userspace alone writes.
    unsafe { core::ptr::read_volatile(&raw const EPOCH) }
}

/// See [`ENTRIES_MASK`].
#[inline(always)]
pub(crate) fn entries_mask() -> u32 {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const ENTRIES_MASK) }
}

/// See [`DYING_AT_DELETE`].
#[inline(always)]
pub(crate) fn dying_at_delete() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const DYING_AT_DELETE) == 1 }
}

/// See [`INSERT_AT_CONFIRM`].
#[inline(always)]
pub(crate) fn insert_at_confirm() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const INSERT_AT_CONFIRM) == 1 }
}

/// See [`NETNS_BY_INODE`].
#[inline(always)]
pub(crate) fn netns_by_inode() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const NETNS_BY_INODE) == 1 }
}
