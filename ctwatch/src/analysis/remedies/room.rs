//! How full a table is, how fast it would fill if nothing were turned away, and what that leaves.

use std::collections::BTreeMap;

use crate::{
    analysis::{lost::Lost, occupancy, report::NamespaceReport},
    model::{counters::Counters, endpoint::Endpoint, remedy::UntilFull},
};

/// A table's room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::analysis) struct Room {
    count: Option<u64>,
    max: Option<u64>,
    /// Entries a second that come and do not leave by themselves; what a full table refused or evicted is among them.
    pressure: Option<f64>,
}

/// Entries a second by which an endpoint, or a table, grows by itself: inserted less ended, and what was lost.
pub(in crate::analysis) fn pressure(counters: &Counters, lost: &Lost, window: f64) -> f64 {
    if window <= 0.0 {
        return 0.0;
    }
    (occupancy::net(counters) as f64 + lost.total() as f64) / window
}

impl Room {
    /// Of a table. While it has room its growth is what was observed; once it is full the growth is what it turned
    /// away.
    pub(super) fn new(
        table: &NamespaceReport,
        totals: &BTreeMap<Endpoint, Counters>,
        window: f64,
    ) -> Self {
        let mut all = Counters::default();
        totals.values().for_each(|more| all += *more);
        let was_full = table.full_first.is_some() || table.lost.total() > 0;
        let demand = (window > 0.0).then(|| pressure(&all, &table.lost, window));
        Self {
            count: table.count,
            max: table.max.filter(|max| *max > 0),
            pressure: if was_full {
                demand
            } else {
                table.growth_per_second
            },
        }
    }

    /// Of a table in a recording.
    pub(in crate::analysis) fn of(
        recording: &crate::model::recording::Recording,
        table: &NamespaceReport,
    ) -> Self {
        let none = crate::model::remedy::Known::default();
        let beside = super::Beside {
            known: &none,
            notrack: &[],
            ipvs: None,
        };
        super::Ground::new(recording, table, &beside).room
    }

    /// Entries over limit without these.
    pub(super) fn fill_without(&self, frees: u64) -> Option<f64> {
        Some(self.count?.saturating_sub(frees) as f64 / self.max? as f64)
    }

    /// Entries over another limit.
    pub(super) fn fill_of(&self, max: u64) -> Option<f64> {
        (max > 0).then(|| self.count.map(|count| count as f64 / max as f64))?
    }

    /// When it is full with so many entries fewer, and so many a second that no longer stay.
    pub(in crate::analysis) fn until_full(&self, frees: u64, stops: f64) -> UntilFull {
        self.until(self.max, frees, stops)
    }

    /// When it is full with another limit.
    pub(super) fn until_full_at(&self, max: u64) -> UntilFull {
        self.until(Some(max), 0, 0.0)
    }

    fn until(&self, max: Option<u64>, frees: u64, stops: f64) -> UntilFull {
        let (Some(count), Some(max), Some(pressure)) = (self.count, max, self.pressure) else {
            return UntilFull::Unknown;
        };
        let growth = pressure - stops.max(0.0);
        let left = max.saturating_sub(count.saturating_sub(frees));
        // Less than an entry a minute is no growth that anybody measured.
        if growth < 1.0 / 60.0 {
            return UntilFull::Never;
        }
        UntilFull::Seconds((left as f64 / growth).ceil() as u64)
    }
}
