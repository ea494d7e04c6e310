//! Telling the kernel side which addresses are the node's own.

use std::collections::HashMap as StdHashMap;

use aya::{
    Ebpf,
    maps::{Array, HashMap, MapData, MapError},
};
use ctwatch_common::endpoint::{FILTER_WORDS, filter_bit};

use super::{error::AttachError, keys, mapped::Mapped, object};
use crate::model::{
    endpoint::Netns,
    node::{Address, Node},
};

/// The map of the kernel side's only variable.
const EPOCH: &str = ".bss";

/// The maps that hold them, and what they hold.
#[derive(Debug)]
pub(super) struct OwnAddresses {
    local: HashMap<MapData, [u8; 32], u32>,
    known: HashMap<MapData, u64, u32>,
    /// Spares the kernel side a look-up for most foreign addresses.
    filter: Mapped<u64>,
    told: StdHashMap<Netns, Vec<Address>>,
    /// Told after each change: until then the kernel side may go by what it found before.
    epoch: Epoch,
    changes: u32,
}

/// aya's own type has no `Debug`.
struct Epoch(Array<MapData, u32>);

impl std::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Epoch")
    }
}

impl OwnAddresses {
    /// Takes the maps of an object and tells it the node's addresses.
    pub(super) fn tell(ebpf: &mut Ebpf, node: &Node) -> Result<Self, AttachError> {
        let filter = Mapped::new(object::array(ebpf, "FILTER")?, FILTER_WORDS as usize);
        let mut own = Self {
            filter: filter.map_err(|error| AttachError::Map {
                name: "FILTER",
                reason: error.to_string(),
            })?,
            local: object::take(ebpf, "LOCAL")?,
            known: object::take(ebpf, "KNOWN")?,
            told: StdHashMap::new(),
            epoch: Epoch(object::take(ebpf, EPOCH)?),
            changes: 0,
        };
        for namespace in &node.namespaces {
            let addresses: Vec<_> = node
                .addresses
                .iter()
                .filter(|address| address.netns == namespace.netns)
                .cloned()
                .collect();
            if !addresses.is_empty() {
                own.set(namespace.netns, &addresses)?;
            }
        }
        Ok(own)
    }

    /// Replaces the addresses of a namespace.
    pub(super) fn set(&mut self, netns: Netns, now: &[Address]) -> Result<(), AttachError> {
        let before = self.told.get(&netns).map_or(&[][..], Vec::as_slice);
        if before == now {
            return Ok(());
        }
        let failed = |name| {
            move |error: MapError| AttachError::Map {
                name,
                reason: error.to_string(),
            }
        };
        for gone in before.iter().filter(|address| !now.contains(address)) {
            let key = keys::local(netns, gone.address);
            self.local
                .remove(bytemuck::cast_ref(&key))
                .map_err(failed("LOCAL"))?;
        }
        for address in now {
            let key = keys::local(netns, address.address);
            let (word, bit) = filter_bit(key.net_cookie, &key.address);
            let word = word as usize;
            self.filter.set(word, self.filter.get(word) | bit);
            self.local
                .insert(bytemuck::cast::<_, [u8; 32]>(key), 1, 0)
                .map_err(failed("LOCAL"))?;
        }
        self.known
            .insert(keys::cookie(netns), 1, 0)
            .map_err(failed("KNOWN"))?;
        self.told.insert(netns, now.to_vec());
        self.changes += 1;
        self.epoch.0.set(0, self.changes, 0).map_err(failed(EPOCH))
    }
}
