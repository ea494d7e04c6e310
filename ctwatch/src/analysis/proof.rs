//! The proof: how much of what the kernel counted ctwatch explains, and how much remains.
//!
//! What the kernel's counters are made of (`net/netfilter/nf_conntrack_core.c`):
//! - `drop`: connections refused at a full table, clashes that could not be resolved, and what no probe tells: TCP
//!   connections that could not be reopened, failed sequence adjustments, entries killed for a stale extension;
//! - `insert_failed`: the same clashes, hash chains too long, entries that were dying, stale extensions;
//! - `chaintoolong`, `clash_resolve`, `early_drop`: one thing each.

use serde::{Serialize, Serializer};

use super::refused::but_clashes;
use crate::model::ledger::{Counted, Kernel, NetnsLedger};

/// A figure of ctwatch's beside the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// What ctwatch counted; `None` where its source does not see that.
    pub ctwatch: Option<u64>,
    /// What the kernel counted; `None` where it could not be read.
    pub kernel: Option<u64>,
    /// Kernel less ctwatch.
    pub difference: Option<i64>,
}

impl Balance {
    /// Takes the difference.
    #[must_use]
    pub fn new(ctwatch: Option<u64>, kernel: Option<u64>) -> Self {
        let both = kernel.zip(ctwatch);
        Self {
            ctwatch,
            kernel,
            difference: both.map(|(kernel, ours)| kernel.cast_signed() - ours.cast_signed()),
        }
    }
}

/// What a counter of the kernel's is made of, as far as ctwatch counted it. The parts do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(Vec<(&'static str, Option<u64>)>);

impl Parts {
    /// Each part's name and figure; `None` is what the source does not see.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        self.0.iter().copied()
    }

    /// All that were seen; `None` when none was.
    fn sum(&self) -> Option<u64> {
        let seen = || self.0.iter().filter_map(|(_, figure)| *figure);
        seen().next().map(|_| seen().sum())
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// One counter of the kernel's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// By how much it grew; `None` where it could not be read, or this kernel has none.
    pub kernel: Option<u64>,
    /// The sum of the parts; `None` where the source sees none of them.
    pub explained: Option<u64>,
    /// What explains it.
    pub parts: Parts,
    /// `explained` / `kernel`; `None` where the kernel counted nothing. More than 1 where figures moved between the
    /// reading of one and the other.
    pub share: Option<f64>,
    /// `kernel` less `explained`.
    pub remainder: Option<i64>,
}

impl Account {
    fn new(kernel: Option<u64>, parts: &[(&'static str, Option<u64>)]) -> Self {
        let parts = Parts(parts.to_vec());
        let balance = Balance::new(parts.sum(), kernel);
        let both = kernel.filter(|kernel| *kernel > 0).zip(balance.ctwatch);
        Self {
            kernel,
            explained: balance.ctwatch,
            parts,
            share: both.map(|(kernel, explained)| explained as f64 / kernel as f64),
            remainder: balance.difference,
        }
    }
}

/// Each counter of the kernel's that tells of lost connections, under its own name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Packets dropped.
    pub drop: Account,
    /// Entries evicted for newcomers.
    pub early_drop: Account,
    /// Entries that could not be inserted.
    pub insert_failed: Account,
    /// Of them, those whose hash chain was too long.
    pub chaintoolong: Account,
    /// Clashes resolved.
    pub clash_resolve: Account,
}

impl Proof {
    /// Holds what ctwatch counted against the kernel's figures.
    #[must_use]
    pub fn of(counted: &Counted, kernel: &Kernel) -> Self {
        // Where nobody told which clashes were NAT's, they are all called clashes.
        let nat_exhausted = counted.nat_exhausted;
        let clash = counted
            .clash_dropped
            .map(|clashes| clashes.saturating_sub(nat_exhausted.unwrap_or(0)));
        let clashes = [("clash", clash), ("nat_exhausted", nat_exhausted)];
        let [clash, nat_exhausted] = clashes;
        Self {
            drop: Account::new(
                kernel.drop,
                &[("table_full", counted.refused), clash, nat_exhausted],
            ),
            early_drop: Account::new(kernel.early_drop, &[("evicted", counted.evicted)]),
            insert_failed: Account::new(
                kernel.insert_failed,
                &[
                    clash,
                    nat_exhausted,
                    ("chain_too_long", counted.chain_too_long),
                    ("dying", counted.dying),
                ],
            ),
            chaintoolong: Account::new(
                kernel.chaintoolong,
                &[("chain_too_long", counted.chain_too_long)],
            ),
            clash_resolve: Account::new(
                kernel.clash_resolve,
                &[("clash_merged", counted.clash_merged)],
            ),
        }
    }

    /// Each by its name.
    #[must_use]
    pub fn accounts(&self) -> [(&'static str, &Account); 5] {
        [
            ("drop", &self.drop),
            ("early_drop", &self.early_drop),
            ("insert_failed", &self.insert_failed),
            ("chaintoolong", &self.chaintoolong),
            ("clash_resolve", &self.clash_resolve),
        ]
    }
}

/// One namespace's books, as every document has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetnsBooks {
    /// Namespace's inode number.
    pub netns: u32,
    /// Namespace's cookie.
    pub cookie: u64,
    /// Entries inserted.
    pub inserted: u64,
    /// Entries ended.
    pub ended: u64,
    /// Change of `nf_conntrack_count`.
    pub count_change: Option<i64>,
    /// `count_change` less (`inserted` − `ended`): entries not in the hash yet, and events missed.
    pub unexplained: Option<i64>,
    /// Refused, against the kernel's `drop` less dropped clashes. The difference are other drops.
    pub refused: Balance,
    /// Clashes that were dropped, which the kernel's `drop` counts too; `None` where the source does not see them, and
    /// the kernel's figure is less all that its `insert_failed` allows for.
    pub drop_clashes: Option<u64>,
    /// Evicted, against `early_drop`.
    pub evicted: Balance,
    /// Entries that could not be inserted, against the kernel's own count.
    pub insert_failed: Balance,
    /// Clashes merged, against `clash_resolve`.
    pub clash_merged: Balance,
    /// Each counter of the kernel's against what explains it.
    pub proof: Proof,
}

impl From<&NetnsLedger> for NetnsBooks {
    fn from(ledger: &NetnsLedger) -> Self {
        let NetnsLedger {
            counted, kernel, ..
        } = ledger;
        let net = ledger.inserted.cast_signed() - ledger.ended.cast_signed();
        Self {
            netns: ledger.netns.inode,
            cookie: ledger.netns.cookie,
            inserted: ledger.inserted,
            ended: ledger.ended,
            count_change: ledger.count_change,
            unexplained: ledger.count_change.map(|change| change - net),
            refused: Balance::new(counted.refused, refused(counted, kernel)),
            drop_clashes: counted.clash_dropped,
            evicted: Balance::new(counted.evicted, kernel.early_drop),
            insert_failed: Balance::new(counted.insert_failed, kernel.insert_failed),
            clash_merged: Balance::new(counted.clash_merged, kernel.clash_resolve),
            proof: Proof::of(counted, kernel),
        }
    }
}

impl NetnsBooks {
    /// Whether nothing happened: every figure, ours and the kernel's, is 0 or not known.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let accounts = self.proof.accounts();
        let figures = accounts
            .iter()
            .flat_map(|(_, account)| [account.kernel, account.explained]);
        let ours = [
            Some(self.inserted),
            Some(self.ended),
            self.insert_failed.ctwatch,
        ];
        self.count_change.unwrap_or(0) == 0
            && figures.chain(ours).all(|figure| figure.unwrap_or(0) == 0)
    }
}

/// The kernel's `drop` less the clashes in it.
fn refused(counted: &Counted, kernel: &Kernel) -> Option<u64> {
    let dropped = kernel.drop?;
    match counted.clash_dropped {
        Some(clashes) => Some(dropped.saturating_sub(clashes)),
        None => {
            let too_long = kernel.chaintoolong.unwrap_or(0);
            Some(but_clashes(dropped, kernel.insert_failed?, too_long))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel {
            drop: Some(750),
            early_drop: Some(9),
            insert_failed: Some(60),
            chaintoolong: None,
            clash_resolve: Some(0),
        }
    }

    fn counted() -> Counted {
        Counted {
            refused: Some(700),
            evicted: Some(9),
            insert_failed: Some(59),
            clash_dropped: Some(47),
            nat_exhausted: Some(3),
            chain_too_long: Some(10),
            dying: Some(1),
            clash_merged: Some(0),
        }
    }

    fn figures(account: &Account) -> (Option<u64>, Option<u64>, Option<i64>) {
        (account.kernel, account.explained, account.remainder)
    }

    #[test]
    fn parts_add_up_and_what_they_do_not_explain_remains() {
        let proof = Proof::of(&counted(), &kernel());
        assert_eq!(figures(&proof.drop), (Some(750), Some(747), Some(3)));
        assert_eq!(proof.drop.share, Some(747.0 / 750.0));
        let parts: Vec<_> = proof.drop.parts.iter().collect();
        assert_eq!(
            parts,
            [
                ("table_full", Some(700)),
                ("clash", Some(44)),
                ("nat_exhausted", Some(3))
            ]
        );
        assert_eq!(figures(&proof.insert_failed), (Some(60), Some(58), Some(2)));
        assert_eq!(proof.early_drop.share, Some(1.0));
        // Nothing of nothing is no share, and a counter that this kernel has not proves nothing.
        assert_eq!(proof.clash_resolve.share, None);
        assert_eq!(figures(&proof.chaintoolong), (None, Some(10), None));
    }

    #[test]
    fn what_the_source_does_not_see_explains_nothing() {
        let by_netlink = Counted {
            refused: Some(700),
            evicted: Some(9),
            ..Counted::default()
        };
        let proof = Proof::of(&by_netlink, &kernel());
        assert_eq!(figures(&proof.drop), (Some(750), Some(700), Some(50)));
        assert_eq!(figures(&proof.insert_failed), (Some(60), None, None));
        assert_eq!(refused(&by_netlink, &kernel()), Some(690));
        assert_eq!(refused(&counted(), &kernel()), Some(703));
    }

    #[test]
    fn a_recording_that_does_not_tell_nat_from_other_clashes_calls_them_clashes() {
        let earlier = Counted {
            nat_exhausted: None,
            ..counted()
        };
        let proof = Proof::of(&earlier, &kernel());
        assert_eq!(proof.drop.explained, Some(747));
        let parts: Vec<_> = proof.drop.parts.iter().skip(1).collect();
        assert_eq!(parts, [("clash", Some(47)), ("nat_exhausted", None)]);
    }
}
