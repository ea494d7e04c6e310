//! Fractions as bars.

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character a fraction, its height from 0 to 1; a space where it is unknown. Only 1 itself has full height.
pub(super) fn sparkline(fractions: impl Iterator<Item = Option<f64>>) -> String {
    let bar = |fraction: Option<f64>| match fraction {
        None => ' ',
        Some(full) if full >= 1.0 => '█',
        Some(part) => {
            let step = (part.max(0.0) * 7.0).floor() as usize;
            HEIGHTS.get(step).copied().unwrap_or('▇')
        }
    };
    fractions.map(bar).collect()
}

/// A fraction from 0 to 1 as a bar of at most `width` characters.
pub(super) fn bar(fraction: Option<f64>, width: usize) -> String {
    let part = fraction.unwrap_or(0.0).clamp(0.0, 1.0);
    "█".repeat((part * width as f64).round() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_table_looks_full() {
        let fills = [Some(0.0), Some(0.5), None, Some(0.99), Some(1.0), Some(1.2)];
        assert_eq!(sparkline(fills.into_iter()), "▁▄ ▇██");
        assert_eq!(bar(Some(0.5), 8), "████");
        assert_eq!(bar(None, 8), "");
    }
}
