//! Packets that were refused an entry, as the `kfree_skb` program counts them.

use bytemuck::{Pod, Zeroable};

/// What a CPU counted under an endpoint.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Refused {
    /// Packets.
    pub packets: u64,
    /// `net->ns.inum`, written by the CPU that saw the endpoint first, 0 on the others.
    pub netns_inode: u32,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Refused>() == 16);
