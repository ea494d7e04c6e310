//! target/advice-truth/summary.json.

use serde::Serialize;

use super::finding::{Line, Truth};
use super::judge;

/// All findings, and what is counted of them.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    pub(super) kernel: &'a str,
    pub(super) setups: usize,
    /// Where rules do no harm and free entries.
    pub(super) truly_safe: usize,
    /// Of these, with the verdict `safe` or `needs-accept`.
    pub(super) advised: usize,
    /// Of these, without.
    pub(super) withheld: Vec<&'a str>,
    /// Verdict `safe`, all in all.
    pub(super) safe_verdicts: usize,
    /// What does not hold.
    pub(super) faults: &'a [String],
    pub(super) seconds: f64,
    pub(super) findings: &'a [Line],
}

impl<'a> Summary<'a> {
    pub(super) fn new(
        kernel: &'a str,
        findings: &'a [Line],
        faults: &'a [String],
        seconds: f64,
    ) -> Self {
        let played = || {
            findings.iter().filter_map(|line| match line {
                Line::Played(finding) => Some(finding),
                Line::Failed(_) => None,
            })
        };
        let withheld: Vec<_> = played()
            .filter(|finding| judge::withheld(finding))
            .map(|finding| finding.name.as_str())
            .collect();
        let truly_safe = played().filter(|f| f.truth == Truth::Safe).count();
        Self {
            kernel,
            setups: findings.len(),
            truly_safe,
            advised: truly_safe - withheld.len(),
            withheld,
            safe_verdicts: played().filter(|f| f.verdict == "safe").count(),
            faults,
            seconds,
            findings,
        }
    }
}
