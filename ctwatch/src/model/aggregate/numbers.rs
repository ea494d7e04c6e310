//! Endpoints, numbered in the order in which they appear.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::endpoint::Endpoint;

/// Ports that share a place in the map, a power of two.
const BLOCK: u16 = 64;
const NONE: u32 = u32::MAX;

/// Numbers by endpoint. Neighbouring ports share a place, so that where all ports are in use the map is small enough
/// to stay at hand: fetching a place for each from memory would take longer than all else that is done for an entry.
#[derive(Debug)]
pub(super) struct Numbers {
    /// By the endpoint of a block's first port.
    blocks: HashMap<Endpoint, [u32; BLOCK as usize], RandomState>,
    endpoints: Vec<Endpoint>,
    /// Those asked for last, by port: most entries of a table are at a few.
    recent: [Option<(Endpoint, u32)>; RECENT],
}

/// Ports whose endpoints are remembered.
const RECENT: usize = 64;

impl Default for Numbers {
    fn default() -> Self {
        Self {
            blocks: HashMap::default(),
            endpoints: Vec::new(),
            recent: [None; RECENT],
        }
    }
}

impl Numbers {
    /// The endpoint's number: the next free one, if it was not seen before.
    pub(super) fn of(&mut self, endpoint: Endpoint) -> u32 {
        let place = usize::from(endpoint.port) % RECENT;
        if let Some((recent, number)) = self.recent[place]
            && recent == endpoint
        {
            return number;
        }
        let number = self.look_up(endpoint);
        self.recent[place] = Some((endpoint, number));
        number
    }

    fn look_up(&mut self, endpoint: Endpoint) -> u32 {
        let place = endpoint.port % BLOCK;
        let first = Endpoint {
            port: endpoint.port - place,
            ..endpoint
        };
        let block = self.blocks.entry(first);
        let numbers = block.or_insert([NONE; BLOCK as usize]);
        let number = &mut numbers[usize::from(place)];
        if *number == NONE {
            *number = self.endpoints.len() as u32;
            self.endpoints.push(endpoint);
        }
        *number
    }

    /// All endpoints, by number.
    pub(super) fn into_endpoints(self) -> Vec<Endpoint> {
        self.endpoints
    }
}
