//! The chains that the kernel calls one after another.

use std::cmp::Ordering;

use crate::model::ruleset::{Base, Chain, Hook, Table};

/// Connections are tracked from here on (`NF_IP_PRI_CONNTRACK`), where a packet comes in and where it is sent.
const TRACKING: i32 = -200;

/// Packets are made untracked here (`NF_IP_PRI_RAW`).
const RAW: i32 = -300;

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
    /// Whether NOTRACK rules (`NF_IP_PRI_RAW`) come before it; `None` where both have one priority, and what was
    /// registered first comes first. Others of a built-in chain's rules are before those that are added to it.
    pub(super) fn is_after_raw(&self) -> Option<bool> {
        match self.base.priority.cmp(&RAW) {
            Ordering::Less => Some(false),
            Ordering::Equal => (!self.table.is_native()).then_some(false),
            Ordering::Greater => Some(true),
        }
    }

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
