//! What the `kfree_skb` program counted.

use std::collections::HashMap;

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuHashMap},
};
use ctwatch_common::{
    endpoint::{EndpointKey, KeyWords},
    limits,
    loss::Losses,
    refused::Refused,
};

use super::super::{error::AttachError, keys, mapped::Mapped, object};
use crate::model::endpoint::Endpoint;

/// So many endpoints leave too little room: those whose packets have stopped coming make way, as after a sweep of all
/// ports. One that comes in that moment is not counted, and a refusal without a port then.
const CROWDED: usize = limits::REFUSED as usize / 2;

/// [`Refused`] by [`EndpointKey`], both as the words that aya reads; its own type has no `Debug`.
struct RefusedMap(PerCpuHashMap<MapData, KeyWords, [u64; 2]>);

impl std::fmt::Debug for RefusedMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefusedMap")
    }
}

/// The maps, and what they held when they were read last.
#[derive(Debug)]
pub(super) struct Counts {
    refused: RefusedMap,
    sum: Mapped<u64>,
    losses: Mapped<Losses>,
    cpus: usize,
    by_inode: bool,
    before: HashMap<KeyWords, u64>,
    /// Counted, and not counted for want of room.
    sum_before: u64,
    lost_before: u64,
}

impl Counts {
    pub(super) fn new(ebpf: &mut Ebpf, cpus: u32, by_inode: bool) -> Result<Self, AttachError> {
        let cpus = cpus as usize;
        let failed = |name| {
            move |error: std::io::Error| AttachError::Map {
                name,
                reason: error.to_string(),
            }
        };
        Ok(Self {
            sum: Mapped::new(object::array(ebpf, "REFUSED_SUM")?, cpus)
                .map_err(failed("REFUSED_SUM"))?,
            losses: Mapped::new(object::array(ebpf, "LOSSES")?, cpus).map_err(failed("LOSSES"))?,
            refused: RefusedMap(object::take(ebpf, "REFUSED")?),
            cpus,
            by_inode,
            before: HashMap::new(),
            sum_before: 0,
            lost_before: 0,
        })
    }

    /// What moved since the last call. While nothing does, no `bpf()` call is made: each keeps other tools' kprobes on
    /// its CPU from running.
    pub(super) fn read(&mut self) -> Vec<(Endpoint, u64)> {
        let sum =
            self.over_cpus(|cpu| self.sum.get(cpu) + u64::from(self.losses.get(cpu).unattributed));
        if sum == self.sum_before {
            return Vec::new();
        }
        let walk: Result<Vec<_>, MapError> = self.refused.0.iter().collect();
        let Ok(walk) = walk else {
            // It is walked again next time, from the same figures.
            return Vec::new();
        };
        self.sum_before = sum;
        let is_tight = walk.len() > CROWDED;
        let mut moved = Vec::new();
        for (words, values) in walk {
            let values: &[Refused] = bytemuck::cast_slice(&values);
            let now = values.iter().map(|value| value.packets).sum::<u64>();
            let before = self.before.insert(words, now).unwrap_or(0);
            if now > before {
                let inode = values.iter().map(|value| value.netns_inode).max();
                let key: EndpointKey = bytemuck::cast(words);
                let endpoint = keys::endpoint(&key, inode.unwrap_or(0), self.by_inode);
                moved.push((endpoint, now - before));
            } else if is_tight && self.refused.0.remove(&words).is_ok() {
                self.before.remove(&words);
            }
        }
        moved
    }

    /// Packets that found no room in the map or whose tuple was out of reach, since the last call.
    pub(super) fn lost(&mut self) -> u64 {
        let lost = self.over_cpus(|cpu| {
            let losses = self.losses.get(cpu);
            let all = [
                losses.unattributed,
                losses.refused_unattributed,
                losses.unreadable,
            ];
            all.into_iter().map(u64::from).sum()
        });
        let since = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        since
    }

    fn over_cpus(&self, of: impl Fn(usize) -> u64) -> u64 {
        (0..self.cpus).map(of).sum()
    }
}
