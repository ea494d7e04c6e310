//! Growth of a table and the time it has left.

/// Points looked at, at most: the estimate looks at every pair.
const POINTS: usize = 90;

/// Slope in entries per second over the last third of `(seconds, entries)`, but at least the last ten points:
/// the median of the slopes between all pairs (Theil–Sen), which a burst in a few samples does not move. `None`
/// with fewer than three points.
pub(super) fn growth(points: &[(f64, f64)]) -> Option<f64> {
    let wanted = (points.len() / 3).max(10).min(points.len());
    let tail = points.get(points.len() - wanted..)?;
    let step = tail.len().div_ceil(POINTS).max(1);
    let thinned: Vec<&(f64, f64)> = tail.iter().rev().step_by(step).collect();
    if thinned.len() < 3 {
        return None;
    }
    let mut slopes = Vec::with_capacity(thinned.len() * thinned.len() / 2);
    for (position, later) in thinned.iter().enumerate() {
        for earlier in thinned.iter().skip(position + 1) {
            let seconds = later.0 - earlier.0;
            if seconds > 0.0 {
                slopes.push((later.1 - earlier.1) / seconds);
            }
        }
    }
    median(slopes).map(super::rounded)
}

/// Seconds until `count` reaches `max`: 0 when it has, `None` when it does not grow or there is no limit.
pub(super) fn seconds_until_full(
    full: bool,
    count: Option<u64>,
    max: Option<u64>,
    growth: Option<f64>,
) -> Option<u64> {
    if full {
        return Some(0);
    }
    let max = max.filter(|max| *max > 0)?;
    let left = max.saturating_sub(count?);
    let growth = growth.filter(|growth| *growth > 0.0)?;
    Some((left as f64 / growth).ceil() as u64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seconds: u32, entries: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..seconds)
            .map(|second| (f64::from(second), entries(f64::from(second))))
            .collect()
    }

    #[test]
    fn a_straight_line_has_its_slope() {
        assert_eq!(growth(&line(60, |t| 100.0 + 412.0 * t)), Some(412.0));
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        assert_eq!(
            growth(&line(90, |t| if t < 50.0 { t * 1_000.0 } else { 50_000.0 })),
            Some(0.0)
        );
    }

    #[test]
    fn a_burst_in_one_sample_moves_nothing() {
        let mut points = line(60, |t| 10.0 * t);
        if let Some(point) = points.get_mut(55) {
            point.1 = 1e9;
        }
        assert_eq!(growth(&points), Some(10.0));
    }

    #[test]
    fn two_points_tell_nothing_and_an_hour_is_thinned() {
        assert_eq!(growth(&line(2, |t| t)), None);
        assert_eq!(growth(&[]), None);
        assert_eq!(growth(&line(3_600, |t| 2.0 * t)), Some(2.0));
    }

    #[test]
    fn time_until_full() {
        assert_eq!(
            seconds_until_full(false, Some(50), Some(100), Some(20.0)),
            Some(3)
        );
        assert_eq!(
            seconds_until_full(true, Some(99), Some(100), Some(-1.0)),
            Some(0)
        );
        assert_eq!(
            seconds_until_full(false, Some(50), Some(100), Some(0.0)),
            None
        );
        assert_eq!(
            seconds_until_full(false, Some(50), Some(0), Some(1.0)),
            None
        );
        assert_eq!(seconds_until_full(false, None, Some(100), Some(1.0)), None);
    }
}
