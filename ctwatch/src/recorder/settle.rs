//! Samples whose counters and tables belong together.

use std::time::Instant;

use super::{namespaces::Namespaces, unix_ms};
use crate::{
    model::{
        counters::Counters,
        endpoint::Endpoint,
        reading::Reading,
        sample::{Losses, Sample},
        table::Table,
    },
    source::kernel::probes::Probes,
};

/// Tries to find a moment in which nothing moves, before giving up on a busy node.
const TRIES: usize = 20;

/// Counters, then tables.
pub(super) fn once(probes: &mut Probes, namespaces: &mut Namespaces, started: Instant) -> Sample {
    let sum = Sum::new(probes.read());
    sum.into_sample(namespaces, started)
}

/// Counters and tables read so that nothing was inserted or ended in between, if such a moment comes soon: the
/// books open and close with such samples.
pub(super) fn sample(probes: &mut Probes, namespaces: &mut Namespaces, started: Instant) -> Sample {
    let mut sum = Sum::new(probes.read());
    for _ in 0..TRIES {
        let tables = namespaces.tables();
        let reading = probes.read();
        let quiet = reading.deltas.is_empty() && reading.unattributed.is_zero();
        sum.add(reading);
        if quiet {
            return sum.with_tables(tables, started);
        }
    }
    sum.into_sample(namespaces, started)
}

/// Readings added up. Mostly there is one, and it may have all endpoints there can be: it is taken as it is, and
/// others are added in place.
struct Sum {
    deltas: Vec<(Endpoint, Counters)>,
    unattributed: Counters,
    losses: Losses,
}

impl Sum {
    fn new(first: Reading) -> Self {
        Self {
            deltas: first.deltas,
            unattributed: first.unattributed,
            losses: first.losses,
        }
    }

    fn add(&mut self, reading: Reading) {
        if !reading.deltas.is_empty() {
            self.deltas.extend(reading.deltas);
            self.deltas.sort_unstable_by_key(|(endpoint, _)| *endpoint);
            self.deltas.dedup_by(|(endpoint, more), (kept, sum)| {
                let same = endpoint == kept;
                if same {
                    *sum += *more;
                }
                same
            });
        }
        self.unattributed += reading.unattributed;
        self.losses += reading.losses;
    }

    fn into_sample(self, namespaces: &mut Namespaces, started: Instant) -> Sample {
        let tables = namespaces.tables();
        self.with_tables(tables, started)
    }

    fn with_tables(self, tables: Vec<Table>, started: Instant) -> Sample {
        Sample {
            at_ms: unix_ms(),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            deltas: self.deltas,
            unattributed: self.unattributed,
            tables,
            losses: self.losses,
        }
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
    fn an_endpoint_is_in_a_sample_once_with_the_sum_of_its_readings() {
        let mut sum = Sum::new(reading(&[(53, 1), (9, 2), (443, 4)]));
        sum.add(reading(&[(443, 8), (80, 16), (53, 32)]));
        sum.add(reading(&[]));
        sum.add(reading(&[(443, 64)]));
        let sample = sum.with_tables(Vec::new(), Instant::now());
        let ports: Vec<_> = sample
            .deltas
            .iter()
            .map(|(endpoint, counters)| (endpoint.port, counters.inserted))
            .collect();
        assert_eq!(ports, [(9, 2), (53, 33), (80, 16), (443, 76)]);
        assert_eq!(sample.unattributed.refused, 4);
    }
}
