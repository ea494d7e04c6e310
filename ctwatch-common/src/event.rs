//! What happened to one connection, as the kernel side tells it through the ring buffer. Counters are exact without
//! these records: they are rate-limited, and those that found no room are counted.

use bytemuck::{Pod, Zeroable};

use crate::layout::Tuple;

/// Why a connection was refused or an entry evicted; the words of [`reason::NAMES`].
pub mod reason {
    /// The table was full and nothing could be evicted (`early_drop` returned false): `tuple` got no entry.
    pub const TABLE_FULL: u32 = 0;
    /// `early_drop` took the entry `tuple` away for the newcomer `other`.
    pub const EARLY_DROP: u32 = 1;
    /// `gc_worker` took the entry `tuple` away with time left.
    pub const GC_EVICTION: u32 = 2;
    /// `nf_ct_resolve_clash`: an entry of the same original tuple (`other`) came first, and the two could not be
    /// merged.
    pub const CLASH: u32 = 3;
    /// The entry's hash chain was too long (`__nf_conntrack_confirm`, Linux 5.15).
    pub const CHAIN_TOO_LONG: u32 = 4;
    /// As a clash, but of translated tuples: another connection (`other`) has the port that NAT chose, for it
    /// found none that was free.
    pub const NAT_EXHAUSTED: u32 = 5;
    /// The entry was deleted before its first packet had passed.
    pub const DYING: u32 = 6;
    /// The tracker called the packet invalid, or ignored it (`nf_ct_l4proto_log_invalid`, `nf_l4proto_log_invalid`).
    pub const INVALID: u32 = 7;
    /// Number of reasons.
    pub const COUNT: usize = 8;
    /// As people and documents read them.
    pub const NAMES: [&str; COUNT] = [
        "table_full",
        "early_drop",
        "gc_eviction",
        "clash",
        "chain_too_long",
        "nat_exhausted",
        "dying",
        "invalid",
    ];
}

/// Kinds of records in the ring buffer: the first word of each.
pub mod kind {
    /// An [`Event`](super::Event).
    pub const EVENT: u32 = 1;
    /// A [`Packet`](super::Packet).
    pub const PACKET: u32 = 2;
}

/// `age_jiffies` of an entry whose birth was not seen, or is no longer remembered.
pub const AGE_UNKNOWN: u32 = u32::MAX;

/// `zone` where this kernel has none, or it was out of reach.
pub const ZONE_UNKNOWN: u32 = u32::MAX;

/// One connection refused, or one entry evicted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Event {
    /// [`kind::EVENT`].
    pub kind: u32,
    /// One of [`reason`].
    pub reason: u32,
    /// `CLOCK_MONOTONIC`, nanoseconds. With `cpu` it names the event: a [`Packet`] that belongs to it has the same.
    pub time_ns: u64,
    /// `net->net_cookie`, or the inode number on kernels that do not tell cookies.
    pub net_cookie: u64,
    /// `net->ns.inum`.
    pub netns_inode: u32,
    /// Processor.
    pub cpu: u32,
    /// Slot of the endpoint that `tuple` is counted under.
    pub slot: u32,
    /// Slot of the endpoint of `other`; [`crate::limits::UNATTRIBUTED`] when there is none.
    pub other_slot: u32,
    /// Zone of `tuple`, or [`ZONE_UNKNOWN`].
    pub zone: u32,
    /// `nf_conn.status` of the entry `tuple`, low 32 bits; 0 where there was no entry.
    pub status: u32,
    /// Time the entry `tuple` had left, in jiffies; 0 where there was no entry.
    pub left_jiffies: u32,
    /// Its age in jiffies, or [`AGE_UNKNOWN`].
    pub age_jiffies: u32,
    /// Its TCP state ([`crate::tcp`]); 0 for other protocols, and where there was no entry.
    pub tcp_state: u32,
    /// 1 when `other` is told.
    pub has_other: u32,
    /// Original direction of the refused connection or the evicted entry.
    pub tuple: Tuple,
    /// Original direction of whoever was let in for it, or had come before it.
    pub other: Tuple,
}

/// The most bytes of a packet that are kept, from its network header on.
pub const PACKET_BYTES: usize = 128;

/// The beginning of the packet that an [`Event`] came of; sent after it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Packet {
    /// [`kind::PACKET`].
    pub kind: u32,
    /// Processor of its event.
    pub cpu: u32,
    /// Time of its event.
    pub time_ns: u64,
    /// Bytes that follow, at most [`PACKET_BYTES`].
    pub length: u32,
    /// Bytes from the network header to the end of the packet on the wire.
    pub whole_length: u32,
    /// From the network header on, as far as the packet lies in one piece.
    pub bytes: [u8; PACKET_BYTES],
}

/// What the loader writes into the kernel object's read-only data: which events are wanted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Wanted {
    /// Events a CPU may send in a tenth of a second; 0: none at all.
    pub burst: u32,
    /// 1: packets are wanted, too.
    pub packets: u32,
    /// Only events of this namespace (inode number); 0: of all.
    pub netns_inode: u32,
    /// Only events in which `tuple` or `other` has this destination port; 0: of all.
    pub port: u32,
    /// Jiffies in a tenth of a second, at least 1.
    pub window_jiffies: u32,
    /// Zero.
    pub pad: u32,
}

/// Bytes of the ring buffer; a power of two of pages.
pub const RING_BYTES: u32 = 1 << 20;

const _: () = assert!(size_of::<Event>() == 144);
const _: () = assert!(size_of::<Packet>() == 152);
