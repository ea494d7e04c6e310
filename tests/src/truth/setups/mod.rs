//! The set-ups, a table a subject.

use super::setup::Setup;

mod balance;
mod filter;
mod forwarded;
mod nat;
mod nft;
mod open;
mod paths;
mod tracked;
mod tunnel;

/// All of them, in the order in which they are played.
pub(crate) const ALL: &[&[Setup]] = &[
    open::ALL,
    tunnel::ALL,
    filter::ALL,
    paths::ALL,
    nat::ALL,
    forwarded::ALL,
    tracked::ALL,
    balance::ALL,
    nft::ALL,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::truth::setup::Truth;

    #[test]
    fn there_are_enough_of_each_kind() {
        let all: Vec<_> = ALL.iter().copied().flatten().collect();
        let safe = all.iter().filter(|s| s.expected == Truth::Safe).count();
        assert!(all.len() >= 30 && safe >= 12, "{safe} of {}", all.len());
        let names: BTreeSet<_> = all.iter().map(|setup| setup.name).collect();
        assert_eq!(names.len(), all.len(), "a name is used twice");
    }

    #[test]
    fn somebody_asks_for_the_subject_and_is_served() {
        for setup in ALL.iter().copied().flatten() {
            assert!(!setup.built.is_empty(), "{}", setup.name);
            assert!(setup.visits.iter().any(|v| v.welcome), "{}", setup.name);
        }
    }

    /// `cargo xtask advice-truth` writes it; a set-up that is not in it was never played.
    #[test]
    fn the_table_of_the_page_has_them_all() {
        let page = include_str!("../../../../docs/advice.md");
        let made = page.split("`cargo xtask advice-truth`: begin -->").nth(1);
        let (made, _) = made
            .and_then(|rest| rest.split_once("<!-- end -->"))
            .unwrap_or_default();
        let rows = made.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows: Vec<_> = rows
            .filter_map(|row| Some(row.split_once('`')?.0))
            .collect();
        let all = ALL.iter().copied().flatten().map(|setup| setup.name);
        assert_eq!(rows, all.collect::<Vec<_>>());
    }
}
