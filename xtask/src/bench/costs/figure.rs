//! One figure out of many rounds.

use std::fmt;

use serde::Serialize;

/// Instructions, and how well they repeat.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figure {
    /// The least of all rounds of all boots.
    pub(super) instructions: f64,
    /// How much more the boot with the highest minimum needed, in per cent; of a single boot, the round with the most.
    pub(super) spread_percent: f64,
}

impl Figure {
    /// Of the rounds of each boot; `None` when a boot has no round.
    pub(super) fn of(boots: &[&[f64]]) -> Option<Self> {
        let minima: Option<Vec<f64>> = boots.iter().map(|rounds| least(rounds)).collect();
        let minima = minima?;
        let compared = match boots {
            [only] => only,
            _ => &minima[..],
        };
        let instructions = least(&minima)?;
        let most = compared.iter().copied().reduce(f64::max)?;
        Some(Self {
            instructions,
            spread_percent: (most / instructions - 1.0) * 100.0,
        })
    }

    /// How many times `base` this is.
    pub(super) fn times(self, base: Self) -> f64 {
        self.instructions / base.instructions
    }
}

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = format!("{:.0} ({:.2} %)", self.instructions, self.spread_percent);
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn the_minimum_counts_and_the_spread_is_between_boots() {
        let figure = Figure::of(&[&[110.0, 100.0], &[102.0, 500.0]]).unwrap();
        assert!((figure.instructions - 100.0).abs() < 1e-9);
        assert!((figure.spread_percent - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_spread_of_a_single_boot_is_between_its_rounds() {
        let figure = Figure::of(&[&[110.0, 100.0]]).unwrap();
        assert!((figure.spread_percent - 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_measured_is_no_figure() {
        assert!(Figure::of(&[&[], &[]]).is_none());
        assert!(Figure::of(&[&[1.0], &[]]).is_none());
        assert!(Figure::of(&[]).is_none());
    }
}
