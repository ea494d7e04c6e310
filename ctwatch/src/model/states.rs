//! Entries by state.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::entry::State;

/// What entries of protocols without states are counted under.
const STATELESS: [&str; 2] = [StateCounts::REPLIED, StateCounts::UNREPLIED];

/// Entries by state name, in the order of names. Most endpoints have entries in one state or two, and a dump has
/// tens of thousands of endpoints: a list as long as it must be, of names that are not copied, takes a sixth of
/// the memory of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct StateCounts(Vec<(Cow<'static, str>, u64)>);

impl StateCounts {
    /// Entries without a state that saw a reply.
    pub const REPLIED: &'static str = "REPLIED";
    /// Entries without a state that saw none.
    pub const UNREPLIED: &'static str = "UNREPLIED";

    /// Sets the entries in a state.
    pub fn insert(&mut self, state: &str, entries: u64) {
        match self.position(state) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count = entries;
                }
            }
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (shared(state), entries));
            }
        }
    }

    /// Entries in a state; `None` where it was not seen.
    #[must_use]
    pub fn get(&self, state: &str) -> Option<u64> {
        let at = self.position(state).ok()?;
        self.0.get(at).map(|(_, entries)| *entries)
    }

    /// States with their entries, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(state, entries)| (&**state, *entries))
    }

    /// Entries of each state.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|(_, entries)| *entries)
    }

    fn position(&self, state: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| (**name).cmp(state))
    }
}

/// The program's own copy of a name it knows.
fn shared(state: &str) -> Cow<'static, str> {
    let known = State::NAMES.into_iter().chain(STATELESS);
    match known.into_iter().find(|name| *name == state) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(state.to_owned()),
    }
}

impl<S: AsRef<str>> FromIterator<(S, u64)> for StateCounts {
    fn from_iter<I: IntoIterator<Item = (S, u64)>>(all: I) -> Self {
        let mut counts = Self::default();
        for (state, entries) in all {
            counts.insert(state.as_ref(), entries);
        }
        counts
    }
}

impl From<BTreeMap<String, u64>> for StateCounts {
    fn from(all: BTreeMap<String, u64>) -> Self {
        all.into_iter().collect()
    }
}

impl From<StateCounts> for BTreeMap<String, u64> {
    fn from(counts: StateCounts) -> Self {
        let owned = |(state, entries): (Cow<'static, str>, u64)| (state.into_owned(), entries);
        counts.0.into_iter().map(owned).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_endpoint_with_one_state_takes_one_place_and_no_name_of_its_own() {
        let one: StateCounts = [(String::from("TIME_WAIT"), 5)].into_iter().collect();
        assert_eq!(one.0.capacity(), 1);
        assert!(matches!(one.0[0].0, Cow::Borrowed("TIME_WAIT")));
        assert!(matches!(shared("REPLIED"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn it_is_a_map(all in proptest::collection::vec(("[A-C_]{0,2}", any::<u64>()), 0..12)) {
            let map: BTreeMap<String, u64> = all.iter().cloned().collect();
            let counts: StateCounts = all.into_iter().collect();
            for (state, entries) in &map {
                prop_assert_eq!(counts.get(state), Some(*entries));
            }
            prop_assert_eq!(counts.get("D"), None);
            let names: Vec<&str> = counts.iter().map(|(state, _)| state).collect();
            prop_assert_eq!(names, map.keys().collect::<Vec<_>>());
            let json = serde_json::to_string(&counts).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<StateCounts>(&json).unwrap(), counts.clone());
            prop_assert_eq!(BTreeMap::from(counts), map);
        }
    }
}
