//! Packets that were refused an entry, without kprobes: one program on the raw tracepoint `kfree_skb`. It needs no
//! tracefs, and nothing of conntrack's own symbols.

mod counts;
pub(super) mod layout;

use std::os::fd::AsFd as _;

use aya::{
    Ebpf,
    programs::{ProgramError, RawTracePoint},
};

use super::{attach, btf::Btf, error::AttachError, misses, object, own_addresses::OwnAddresses};
use crate::{
    model::{
        dropped::Dropped,
        endpoint::Netns,
        node::{Address, Node},
    },
    source::privilege,
};
use counts::Counts;

/// The program and the tracepoint.
const KFREE_SKB: &str = "kfree_skb";

/// Packets without an entry that netfilter dropped, by the endpoint their connection would have had.
///
/// These are candidates: a rule that drops before tracking looks, or that drops in PREROUTING or OUTPUT what tracking
/// called invalid, leaves the same trace. The kernel's `drop` tells how many there can be. Dropping this detaches the
/// program.
#[derive(Debug)]
pub struct Refusals {
    /// Keeps program and link.
    ebpf: Ebpf,
    addresses: OwnAddresses,
    counts: Counts,
    misses_before: u64,
    map_bytes: u64,
}

impl Refusals {
    /// Looks the kernel up, loads the program, tells it the node's addresses and attaches it. Needs CAP_BPF and
    /// CAP_PERFMON; before Linux 5.18 also CAP_SYSLOG.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names the capability, member, map or tracepoint.
    pub fn attach(node: &Node) -> Result<Self, AttachError> {
        privilege::check(&privilege::REFUSALS)?;
        let btf = Btf::vmlinux()?;
        let (shared, packet) = (layout::shared(&btf)?, layout::packet(&btf)?);
        let by_inode = node.namespaces.iter().all(|each| each.netns.cookie == 0);
        let mut ebpf = object::load_refusals(&shared, &packet, by_inode, node.cpus)?;
        let map_bytes = object::memory(&ebpf);
        let mut refusals = Self {
            addresses: OwnAddresses::tell(&mut ebpf, node)?,
            counts: Counts::new(&mut ebpf, node.cpus, by_inode)?,
            ebpf,
            misses_before: 0,
            map_bytes,
        };
        refusals.start().map_err(|error| AttachError::Tracepoint {
            tracepoint: KFREE_SKB,
            reason: attach::chain(&error),
        })?;
        Ok(refusals)
    }

    fn start(&mut self) -> Result<(), ProgramError> {
        let program: &mut RawTracePoint = self
            .ebpf
            .program_mut(KFREE_SKB)
            .ok_or(ProgramError::UnexpectedProgramType)?
            .try_into()?;
        program.load()?;
        program.attach(KFREE_SKB).map(drop)
    }

    /// Replaces the own addresses of a namespace.
    ///
    /// # Errors
    ///
    /// [`AttachError::Map`] when a map is full or refuses.
    pub fn set_addresses(&mut self, netns: Netns, now: &[Address]) -> Result<(), AttachError> {
        self.addresses.set(netns, now)
    }

    /// Candidates since the last call. Lost are also those that interrupted the program on their CPU, where the kernel
    /// counts these.
    pub fn read(&mut self) -> Dropped {
        let misses = self.misses().unwrap_or(0);
        let missed = misses.saturating_sub(self.misses_before);
        self.misses_before = misses;
        Dropped {
            packets: self.counts.read(),
            lost: self.counts.lost() + missed,
        }
    }

    fn misses(&self) -> Option<u64> {
        let program = self.ebpf.program(KFREE_SKB)?.fd().ok()?;
        misses::of(program.as_fd())
    }

    /// Memory of all maps together, in bytes, as the kernel accounts it.
    #[must_use]
    pub fn map_bytes(&self) -> u64 {
        self.map_bytes
    }
}
