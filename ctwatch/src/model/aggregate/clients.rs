//! Distinct clients, counted exactly, yet cheaply: each entry leaves one record of client and endpoint (8 bytes for
//! IPv4, 20 for IPv6), and sorting these at the end tells what is distinct. A million entries take 8 MB or 20 MB so,
//! where hash sets of addresses would take several times as much and be slower.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::model::dump::{ClientDump, Dump};

/// One record an entry.
#[derive(Debug, Default)]
pub(super) struct Uses {
    ipv4: Vec<Ipv4Use>,
    ipv6: Vec<Ipv6Use>,
}

/// What the records say.
#[derive(Debug)]
pub(super) struct Clients {
    /// Distinct clients of all endpoints together.
    pub(super) distinct: u64,
    /// Distinct clients of each endpoint, by its number.
    pub(super) by_endpoint: Vec<u64>,
    /// Those with the most entries, most first; with as many, by address, so that equal tables give equal dumps.
    pub(super) top: Vec<ClientDump>,
}

impl Uses {
    /// Of an entry of this client at the endpoint with this number, which is below 2³¹.
    pub(super) fn add(&mut self, client: IpAddr, endpoint: u32, replied: bool) {
        let tail = endpoint << 1 | u32::from(!replied);
        match client {
            IpAddr::V4(client) => {
                let client = u64::from(client.to_bits());
                self.ipv4.push(Ipv4Use(client << 32 | u64::from(tail)));
            }
            IpAddr::V6(client) => {
                let client = client.to_bits();
                self.ipv6.push(Ipv6Use {
                    high: (client >> 64) as u64,
                    low: client as u64,
                    tail,
                });
            }
        }
    }

    /// Sorts and counts, for so many endpoints.
    pub(super) fn count(self, endpoints: usize) -> Clients {
        let mut counting = Counting {
            distinct: 0,
            by_endpoint: vec![0; endpoints],
            top: BinaryHeap::new(),
        };
        counting.family(self.ipv4);
        counting.family(self.ipv6);
        Clients {
            distinct: counting.distinct,
            by_endpoint: counting.by_endpoint,
            top: counting
                .top
                .into_sorted_vec()
                .into_iter()
                .map(told)
                .collect(),
        }
    }
}

/// A record. Ordered by client, then by endpoint; 32 bits of it are the endpoint's number, then whether there was no
/// reply.
trait Use: Copy + Ord {
    type Client: Copy + Eq + Into<IpAddr>;
    fn client(self) -> Self::Client;
    fn tail(self) -> u32;
}

/// Client, then the tail: numbers are sorted in half the time of structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ipv4Use(u64);

impl Use for Ipv4Use {
    type Client = Ipv4Addr;

    fn client(self) -> Ipv4Addr {
        Ipv4Addr::from_bits((self.0 >> 32) as u32)
    }

    fn tail(self) -> u32 {
        self.0 as u32
    }
}

/// Packed: 20 bytes instead of 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C, packed(4))]
struct Ipv6Use {
    high: u64,
    low: u64,
    tail: u32,
}

impl Use for Ipv6Use {
    type Client = Ipv6Addr;

    fn client(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }

    fn tail(self) -> u32 {
        self.tail
    }
}

struct Counting {
    distinct: u64,
    by_endpoint: Vec<u64>,
    top: BinaryHeap<Reverse<Client>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Client {
    entries: u64,
    address: Reverse<IpAddr>,
    unreplied: u64,
    endpoints: u64,
}

impl Counting {
    fn family<U: Use>(&mut self, mut uses: Vec<U>) {
        uses.sort_unstable();
        for records in uses.chunk_by(|a, b| a.client() == b.client()) {
            if let Some(first) = records.first() {
                self.client(first.client().into(), records);
            }
        }
    }

    fn client<U: Use>(&mut self, address: IpAddr, records: &[U]) {
        self.distinct += 1;
        let mut client = Client {
            entries: records.len() as u64,
            address: Reverse(address),
            unreplied: 0,
            endpoints: 0,
        };
        let mut before = None;
        for record in records {
            let (endpoint, unreplied) = (record.tail() >> 1, record.tail() & 1);
            client.unreplied += u64::from(unreplied);
            if before != Some(endpoint) {
                before = Some(endpoint);
                client.endpoints += 1;
                if let Some(clients) = self.by_endpoint.get_mut(endpoint as usize) {
                    *clients += 1;
                }
            }
        }
        self.rank(client);
    }

    fn rank(&mut self, client: Client) {
        let full = self.top.len() == Dump::MAX_CLIENTS;
        match self.top.peek() {
            Some(Reverse(least)) if full && client <= *least => return,
            _ => self.top.push(Reverse(client)),
        }
        if full {
            self.top.pop();
        }
    }
}

fn told(Reverse(client): Reverse<Client>) -> ClientDump {
    ClientDump {
        address: client.address.0,
        entries: client.entries,
        unreplied: client.unreplied,
        endpoints: client.endpoints,
    }
}
