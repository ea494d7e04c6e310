//! Refused connections where no probe sees them: how many the kernel's own counters tell of, and whose they were.
//!
//! The kernel's `drop` counts refused allocations, and a few other packets. A packet that was refused leaves as one
//! that netfilter dropped and that has no entry; so does one that a firewall drops before it is tracked. The first
//! figure says how many, the second where to.

use std::collections::{BTreeMap, HashMap};

use crate::model::{
    endpoint::{Endpoint, Netns},
    table::{KernelStats, Table},
};

/// From this part of its limit on a table may have been full between two samples.
const NEARLY_FULL: f64 = 0.9;

/// The kernel's `drop` less dropped clashes, over an interval. Clashes are in `insert_failed`, too, as are chains
/// too long, which have a figure of their own, and the rare entry that died before it was inserted: so this is the
/// least that can be something else. `None` where a figure is missing.
#[must_use]
pub fn drops_but_clashes(before: &KernelStats, now: &KernelStats) -> Option<u64> {
    let grown = |figure: fn(&KernelStats) -> u64| figure(now).checked_sub(figure(before));
    let failed = grown(|s| s.insert_failed)?;
    let too_long = grown(|s| s.chaintoolong.unwrap_or(0))?;
    Some(but_clashes(grown(|s| s.drop)?, failed, too_long))
}

/// The least of `dropped` that are no clashes, of which there are at most as many as inserts that failed with a chain
/// that was not too long.
pub(super) fn but_clashes(dropped: u64, insert_failed: u64, chaintoolong: u64) -> u64 {
    dropped.saturating_sub(insert_failed.saturating_sub(chaintoolong))
}

/// Connections refused between two readings of a table, by the kernel's own figures: its drops but clashes, where
/// the table can have been full. `None` where statistics are missing.
#[must_use]
pub fn by_kernel(before: &Table, now: &Table) -> Option<u64> {
    let (old, new) = (before.stats?, now.stats?);
    let drops = drops_but_clashes(&old, &new)?;
    let full = new.early_drop > old.early_drop || may_be_full(before) || may_be_full(now);
    Some(if full { drops } else { 0 })
}

/// Whether so full a table may have been at its limit a moment ago; also where that cannot be told.
fn may_be_full(table: &Table) -> bool {
    table
        .count
        .zip(table.max)
        .is_none_or(|(count, max)| max == 0 || count as f64 >= max as f64 * NEARLY_FULL)
}

/// Shares the kernel's figures out among the endpoints whose packets were dropped, sample after sample.
#[derive(Debug, Default)]
pub struct Attribution {
    accounts: HashMap<Netns, Account>,
}

/// A namespace's.
#[derive(Debug)]
struct Account {
    table: Table,
    /// Refused in the interval before, and not explained by its candidates: their packets may not have been dropped
    /// yet when they were counted.
    owed: u64,
}

/// What became of an interval's refusals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributed {
    /// By endpoint.
    pub refused: BTreeMap<Endpoint, u64>,
    /// Refused, and nobody's packet was seen.
    pub unattributed: u64,
    /// In namespaces where more packets were dropped without an entry than connections refused: how many there were.
    pub candidates: u64,
    /// And how many connections were refused there, attributed by shares.
    pub shared: u64,
}

impl Attribution {
    /// Attributes what was refused between the tables given before and these. `candidates` are the packets without an
    /// entry that netfilter dropped since the call before; `None` where they were not watched.
    pub fn attribute(
        &mut self,
        tables: &[Table],
        candidates: Option<&[(Endpoint, u64)]>,
    ) -> Attributed {
        let mut by_netns: HashMap<Netns, BTreeMap<Endpoint, u64>> = HashMap::new();
        for (endpoint, packets) in candidates.unwrap_or_default() {
            let endpoints = by_netns.entry(endpoint.netns).or_default();
            *endpoints.entry(*endpoint).or_default() += packets;
        }
        let may_wait = candidates.is_some();
        let mut attributed = Attributed::default();
        for table in tables {
            let packets = by_netns.remove(&table.netns).unwrap_or_default();
            match self.accounts.get_mut(&table.netns) {
                Some(account) => account.close(table, packets, may_wait, &mut attributed),
                None => {
                    let account = Account {
                        table: *table,
                        owed: 0,
                    };
                    self.accounts.insert(table.netns, account);
                }
            }
        }
        attributed
    }
}

impl Account {
    fn close(
        &mut self,
        table: &Table,
        packets: BTreeMap<Endpoint, u64>,
        may_wait: bool,
        attributed: &mut Attributed,
    ) {
        let before = std::mem::replace(&mut self.table, *table);
        let drops = before.stats.zip(table.stats);
        let drops = drops.and_then(|(old, new)| drops_but_clashes(&old, &new));
        let refused = by_kernel(&before, table).unwrap_or(0);
        let owed = std::mem::take(&mut self.owed);
        let seen: u64 = packets.values().sum();
        // A packet that was seen proves a drop at any fill.
        let room = owed + drops.unwrap_or(0);
        if seen > room {
            attributed.candidates += seen;
            attributed.shared += room;
            add(&mut attributed.refused, shares(&packets, room));
            return;
        }
        add(&mut attributed.refused, packets);
        let unseen_of_owed = owed.saturating_sub(seen);
        let unseen_now = refused.saturating_sub(seen.saturating_sub(owed));
        attributed.unattributed += unseen_of_owed;
        if may_wait {
            self.owed = unseen_now;
        } else {
            attributed.unattributed += unseen_now;
        }
    }
}

fn add(sums: &mut BTreeMap<Endpoint, u64>, more: BTreeMap<Endpoint, u64>) {
    for (endpoint, packets) in more.into_iter().filter(|(_, packets)| *packets > 0) {
        *sums.entry(endpoint).or_default() += packets;
    }
}

/// `total` divided in proportion to `weights`, by largest remainders: the parts add up to it. It is less than the
/// sum of the weights.
fn shares(weights: &BTreeMap<Endpoint, u64>, total: u64) -> BTreeMap<Endpoint, u64> {
    let sum: u128 = weights.values().map(|weight| u128::from(*weight)).sum();
    let exact = |weight: u64| u128::from(weight) * u128::from(total);
    let mut parts: Vec<(Endpoint, u64, u128)> = weights
        .iter()
        .map(|(endpoint, weight)| {
            let exact = exact(*weight);
            // Less than the weight itself.
            let whole = u64::try_from(exact / sum.max(1)).unwrap_or(*weight);
            (*endpoint, whole, exact % sum.max(1))
        })
        .collect();
    let given: u64 = parts.iter().map(|(_, whole, _)| whole).sum();
    parts.sort_by_key(|(_, _, remainder)| std::cmp::Reverse(*remainder));
    let left = usize::try_from(total.saturating_sub(given)).unwrap_or(usize::MAX);
    for (_, whole, _) in parts.iter_mut().take(left) {
        *whole += 1;
    }
    parts
        .into_iter()
        .map(|(endpoint, whole, _)| (endpoint, whole))
        .collect()
}

#[cfg(test)]
#[path = "refused_tests.rs"]
mod tests;
