//! What a source saw since it was asked before.

use std::ops::AddAssign;

use super::{counters::Counters, endpoint::Endpoint, event::Eviction, sample::Losses};

/// Counts since the reading before, without the tables that make a sample of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Endpoints whose counters moved, with by how much; each once.
    pub deltas: Vec<(Endpoint, Counters)>,
    /// What could not be attributed to an endpoint.
    pub unattributed: Counters,
    /// Who was evicted for whom; a pair may be in it more than once.
    pub evictions: Vec<Eviction>,
    /// Losses.
    pub losses: Losses,
}

impl Reading {
    /// Adds counts; an endpoint remains in it once.
    pub fn merge(&mut self, more: Vec<(Endpoint, Counters)>) {
        if more.is_empty() {
            return;
        }
        // It may have all endpoints there can be: others are added in place.
        self.deltas.extend(more);
        self.deltas.sort_unstable_by_key(|(endpoint, _)| *endpoint);
        self.deltas.dedup_by(|(endpoint, more), (kept, sum)| {
            let same = endpoint == kept;
            if same {
                *sum += *more;
            }
            same
        });
    }

    /// Whether nothing moved. What was lost does not move anything.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.deltas.is_empty() && self.unattributed.is_zero()
    }
}

impl AddAssign for Reading {
    fn add_assign(&mut self, more: Self) {
        self.merge(more.deltas);
        self.unattributed += more.unattributed;
        self.evictions.extend(more.evictions);
        self.losses += more.losses;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::endpoint::{Family, Netns, Protocol};

    fn reading(ports: &[(u16, u64)]) -> Reading {
        let delta = |&(port, inserted): &(u16, u64)| {
            let endpoint = Endpoint {
                netns: Netns {
                    cookie: 1,
                    inode: 1,
                },
                family: Family::Ipv4,
                protocol: Protocol::UDP,
                role: None,
                port,
                address: None,
            };
            let counters = Counters {
                inserted,
                ..Counters::default()
            };
            (endpoint, counters)
        };
        Reading {
            deltas: ports.iter().map(delta).collect(),
            unattributed: Counters {
                refused: 1,
                ..Counters::default()
            },
            ..Reading::default()
        }
    }

    #[test]
    fn an_endpoint_is_in_it_once_with_the_sum_of_its_readings() {
        let mut sum = reading(&[(53, 1), (9, 2), (443, 4)]);
        sum += reading(&[(443, 8), (80, 16), (53, 32)]);
        sum += reading(&[]);
        sum += reading(&[(443, 64)]);
        let ports: Vec<_> = sum
            .deltas
            .iter()
            .map(|(endpoint, counters)| (endpoint.port, counters.inserted))
            .collect();
        assert_eq!(ports, [(9, 2), (53, 33), (80, 16), (443, 76)]);
        assert_eq!(sum.unattributed.refused, 4);
    }
}
