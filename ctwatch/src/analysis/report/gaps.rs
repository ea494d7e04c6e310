//! When nothing was watched.

use serde::Serialize;

use super::Moment;
use crate::model::recording::Recording;

/// A time in which nothing was watched: whatever happened then is in no figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GapReport {
    /// When it began.
    pub from: Moment,
    /// When watching went on.
    pub to: Moment,
    /// Why.
    pub reason: String,
}

pub(super) fn gaps(recording: &Recording) -> Vec<GapReport> {
    let gap = |gap: &crate::model::gap::Gap| GapReport {
        from: Moment(gap.from_ms),
        to: Moment(gap.to_ms),
        reason: gap.reason.clone(),
    };
    recording.gaps.iter().map(gap).collect()
}
