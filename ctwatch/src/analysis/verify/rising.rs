//! Whether something rises faster than it did.

use crate::model::turned_away::{Rise, TurnedAway};

/// A count against what would be expected from the time before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compared {
    /// Between the looks; `None` where it cannot be told.
    pub count: Option<u64>,
    /// What as long a time before the rules would have had; `None` where nobody looked.
    pub expected: Option<f64>,
}

/// That far above what is expected, chance alone leaves a count hardly ever.
const DEVIATIONS: f64 = 4.0;
/// A few packets are no finding.
const FEW: f64 = 5.0;

impl Compared {
    /// Whether it rises.
    #[must_use]
    pub fn rises(&self) -> bool {
        let both = self.count.zip(self.expected);
        both.is_some_and(|(count, expected)| {
            count as f64 > expected + DEVIATIONS * expected.sqrt() + FEW
        })
    }
}

/// Compares what came within `seconds` with the time before.
#[must_use]
pub fn compared(
    count: Option<u64>,
    seconds: f64,
    before: Option<&Rise>,
    of: impl Fn(&TurnedAway) -> Option<u64>,
) -> Compared {
    let rate = before
        .filter(|rise| rise.milliseconds > 0)
        .and_then(|rise| {
            let packets = of(&rise.packets)? as f64;
            Some(packets * 1000.0 / rise.milliseconds as f64)
        });
    Compared {
        count,
        expected: rate.map(|rate| rate * seconds),
    }
}
