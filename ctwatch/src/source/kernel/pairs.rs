//! Who was evicted for whom, from mapped memory.

use std::{collections::HashMap, io, os::fd::AsFd};

use ctwatch_common::{limits::PAIRS, slot::Pair};

use super::mapped::Mapped;
use crate::model::{endpoint::Endpoint, event::Eviction};

/// The mapped records of all CPUs, and what they held at the last walk.
#[derive(Debug)]
pub(super) struct PairReader {
    pairs: Mapped<Pair>,
    records: usize,
    before: HashMap<usize, u32>,
}

impl PairReader {
    /// # Errors
    /// The kernel's reason why the map cannot be mapped.
    pub(super) fn new(map: impl AsFd, cpus: u32) -> io::Result<Self> {
        let records = (PAIRS * cpus) as usize;
        Ok(Self {
            pairs: Mapped::new(map, records)?,
            records,
            before: HashMap::new(),
        })
    }

    /// Evictions since the walk before; `endpoint_of` tells the endpoint of a slot, if it is known yet.
    pub(super) fn read(
        &mut self,
        endpoint_of: impl Fn(usize) -> Option<Endpoint>,
    ) -> Vec<Eviction> {
        let mut evictions = Vec::new();
        for record in 0..self.records {
            let pair = self.pairs.get(record);
            if pair.evicted == 0 {
                continue;
            }
            let before = self.before.get(&record).copied().unwrap_or(0);
            let evicted = pair.evicted.wrapping_sub(before);
            let Some(victim) = endpoint_of(pair.victim as usize).filter(|_| evicted != 0) else {
                continue;
            };
            self.before.insert(record, pair.evicted);
            evictions.push(Eviction {
                victim,
                newcomer: endpoint_of(pair.newcomer as usize),
                evicted: u64::from(evicted),
            });
        }
        evictions
    }
}
