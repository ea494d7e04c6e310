//! What it costs to be refused by a full table, and to be let in for others.

use serde::Serialize;

use super::TRACKED;
use super::figure::Figure;
use super::rounds::{Boot, FullRounds};

/// One condition; null is what was not measured.
#[derive(Serialize)]
pub(super) struct Full {
    pub(super) name: String,
    /// Why nothing was measured.
    pub(super) absent: Option<String>,
    /// A connection that is refused.
    pub(super) refused: Option<Figure>,
    pub(super) refused_times_tracked: Option<f64>,
    /// A flow that gets in, and for which others are evicted.
    pub(super) evicting: Option<Figure>,
    pub(super) evicting_times_tracked: Option<f64>,
    /// Entries evicted for one flow, the most of all rounds.
    evicted: Option<f64>,
    /// What a program that prints events takes beside that, for each.
    pub(super) reader_refused: Option<Figure>,
    pub(super) reader_evicting: Option<Figure>,
}

/// All conditions; none where the whole was not measured.
pub(super) fn all(boots: &[Boot]) -> Vec<Full> {
    let conditions = boots.first().map_or(0, |boot| boot.full.len());
    let mut all: Vec<Full> = (0..conditions)
        .map(|n| {
            let rounds: Vec<_> = boots.iter().filter_map(|boot| boot.full.get(n)).collect();
            Full::of(&rounds)
        })
        .collect();
    let tracked = all.iter().find(|one| one.name == TRACKED);
    let (refused, evicting) = (
        tracked.and_then(|one| one.refused),
        tracked.and_then(|one| one.evicting),
    );
    for one in &mut all {
        one.refused_times_tracked = one.refused.zip(refused).map(|(one, base)| one.times(base));
        one.evicting_times_tracked = one
            .evicting
            .zip(evicting)
            .map(|(one, base)| one.times(base));
    }
    all
}

impl Full {
    /// The same condition in all boots.
    fn of(boots: &[&FullRounds]) -> Self {
        let figure = |of: fn(&FullRounds) -> &[f64]| {
            let rounds: Vec<&[f64]> = boots.iter().map(|rounds| of(rounds)).collect();
            Figure::of(&rounds)
        };
        let evicted = boots
            .iter()
            .flat_map(|rounds| rounds.evicted.iter().copied());
        Self {
            name: boots
                .first()
                .map(|rounds| rounds.condition.clone())
                .unwrap_or_default(),
            absent: boots.iter().find_map(|rounds| rounds.absent.clone()),
            refused: figure(|rounds| &rounds.refused),
            refused_times_tracked: None,
            evicting: figure(|rounds| &rounds.evicting),
            evicting_times_tracked: None,
            evicted: evicted.reduce(f64::max),
            reader_refused: figure(|rounds| &rounds.reader_refused),
            reader_evicting: figure(|rounds| &rounds.reader_evicting),
        }
    }
}
