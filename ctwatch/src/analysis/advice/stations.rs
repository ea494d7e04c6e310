//! The chains that the kernel calls one after another.

use crate::model::ruleset::{Base, Chain, Hook, Table};

/// Connections are tracked from here on (`NF_IP_PRI_CONNTRACK`), where a packet comes in and where it is sent.
const TRACKING: i32 = -200;

/// Tables of one ruleset.
pub(super) type Tables<'a> = Vec<&'a Table>;

/// A base chain on a packet's way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station<'a> {
    /// Which of the rulesets.
    pub(super) at: usize,
    pub(super) table: &'a Table,
    pub(super) chain: &'a Chain,
    base: Base,
}

impl Station<'_> {
    /// Whether it is called before the packet is tracked.
    pub(super) fn is_before_tracking(&self) -> bool {
        let tracks = matches!(self.base.hook, Hook::Prerouting | Hook::Output);
        tracks && self.base.priority < TRACKING
    }
}

/// The chains of these hooks, in the order in which they are called: those that translate, or all others.
pub(super) fn stations<'a>(rulesets: &[Tables<'a>], hooks: &[Hook], nat: bool) -> Vec<Station<'a>> {
    let mut stations = Vec::new();
    for hook in hooks {
        let first = stations.len();
        for (at, tables) in rulesets.iter().enumerate() {
            for table in tables {
                let wanted = table
                    .base_chains()
                    .filter(|(base, _)| base.hook == *hook && base.nat == nat);
                stations.extend(wanted.map(|(base, chain)| Station {
                    at,
                    table,
                    chain,
                    base,
                }));
            }
        }
        stations[first..].sort_by_key(|station: &Station<'_>| station.base.priority);
    }
    stations
}
