//! Which entries rules have made useless.

use std::{collections::HashSet, net::IpAddr};

use crate::model::{
    endpoint::Protocol,
    entry::Entry,
    notrack::{Direction, NotrackRule},
};

/// Entries whose packets go untracked in both directions.
#[derive(Clone, Debug)]
pub struct Covered {
    rules: HashSet<NotrackRule>,
    local: HashSet<IpAddr>,
}

impl Covered {
    /// By these rules, on a node with these addresses.
    #[must_use]
    pub fn new(rules: &[NotrackRule], local: &[IpAddr]) -> Self {
        Self {
            rules: rules.iter().copied().collect(),
            local: local.iter().copied().collect(),
        }
    }

    /// Whether the rules leave both its directions untracked, and nothing else needs the entry: it is not translated, has
    /// no helper, and was not expected.
    #[must_use]
    pub fn has(&self, entry: &Entry) -> bool {
        let is_needed = entry.is_source_translated()
            || entry.is_destination_translated()
            || entry.helper.is_some()
            || entry.expected;
        !is_needed && self.address(entry).is_some()
    }

    /// The service's address and port, where both directions of an entry go untracked.
    #[must_use]
    pub fn address(&self, entry: &Entry) -> Option<(IpAddr, u16)> {
        use Direction::{LocalReplies, LocalRequests, Replies, Requests, Tunnelled};
        let (from, to) = (entry.original.source, entry.original.destination);
        let (protocol, port) = (entry.protocol, entry.original.destination_port);
        let has = |direction, address| self.rule(direction, address, protocol, port);
        let service = |address, is_covered: bool| is_covered.then_some((address, port));
        if self.local.contains(&from) {
            let to_itself = has(LocalRequests, to) && has(LocalReplies, to);
            return service(to, to_itself)
                .or(service(from, has(Tunnelled, from) && has(Requests, from)));
        }
        service(
            to,
            has(Requests, to) && (has(Replies, to) || has(Tunnelled, to)),
        )
    }

    fn rule(&self, direction: Direction, address: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.rules.contains(&NotrackRule {
            direction,
            address,
            protocol,
            port,
        })
    }
}
