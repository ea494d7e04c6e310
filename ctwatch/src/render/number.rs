//! Numbers as people read them. What was not measured is `-`.

use crate::analysis::report::Moment;

/// `65,536`
pub(super) fn count(figure: impl Into<Option<u64>>) -> String {
    figure.into().map_or_else(none, |n| grouped(&n.to_string()))
}

/// `+1,234`, `-5`, `0`
pub(super) fn signed(figure: impl Into<Option<i64>>) -> String {
    figure.into().map_or_else(none, |n| {
        let sign = match n {
            1.. => "+",
            0 => "",
            _ => "-",
        };
        format!("{sign}{}", grouped(&n.unsigned_abs().to_string()))
    })
}

/// `1,700.0`, a rate.
pub(super) fn rate(figure: Option<f64>) -> String {
    figure.map_or_else(none, |n| {
        let text = format!("{:.1}", n.abs());
        let (whole, tenths) = text.split_once('.').unwrap_or((&text, "0"));
        let sign = if n < 0.0 && text != "0.0" { "-" } else { "" };
        format!("{sign}{}.{tenths}", grouped(whole))
    })
}

/// `+1,700.0`, a change.
pub(super) fn change(figure: Option<f64>) -> String {
    let text = rate(figure);
    match figure {
        Some(n) if n > 0.0 && text != "0.0" => format!("+{text}"),
        _ => text,
    }
}

/// `63 %`; whole percents never claim that a table is full, or empty, when it is not.
pub(super) fn percent(part: Option<f64>) -> String {
    part.map_or_else(none, |part| {
        let shown = match (part * 100.0).round() {
            rounded if rounded >= 100.0 && part < 1.0 => 99.0,
            rounded if rounded <= 0.0 && part > 0.0 => return "<1 %".to_owned(),
            rounded => rounded,
        };
        format!("{shown:.0} %")
    })
}

/// `100 %`, `99.95 %`: what is not all is never shown as all.
pub(super) fn share(part: Option<f64>) -> String {
    part.map_or_else(none, |part| {
        let hundredths = (part * 10_000.0).round();
        match part {
            1.0 => "100 %".to_owned(),
            part if part < 1.0 => format!("{:.2} %", hundredths.min(9_999.0) / 100.0),
            _ => format!("{:.2} %", hundredths.max(10_001.0) / 100.0),
        }
    })
}

/// `5.3 s`, `58 s`, `2m 5s`
pub(super) fn duration(seconds: Option<f64>) -> String {
    seconds.map_or_else(none, |seconds| match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s => {
            // A year at most: nobody waits longer for a table to fill.
            let whole = s.round().min(31_557_600.0) as u64;
            humantime::format_duration(std::time::Duration::from_secs(whole)).to_string()
        }
    })
}

/// `03:01:12Z`
pub(super) fn time_of_day(moment: Moment) -> String {
    match jiff::Timestamp::from_millisecond(moment.0) {
        Ok(timestamp) => timestamp.strftime("%H:%M:%SZ").to_string(),
        Err(_) => moment.to_string(),
    }
}

fn none() -> String {
    "-".to_owned()
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(count(None), "-");
        assert_eq!(signed(-1_234), "-1,234");
        assert_eq!(signed(0), "0");
        assert_eq!(rate(Some(1_700.04)), "1,700.0");
        assert_eq!(rate(Some(-0.01)), "0.0");
        assert_eq!(change(Some(12.0)), "+12.0");
        assert_eq!(change(Some(-1_012.0)), "-1,012.0");
        assert_eq!(percent(Some(0.999)), "99 %");
        assert_eq!(percent(Some(1.0)), "100 %");
        assert_eq!(percent(Some(0.001)), "<1 %");
        assert_eq!(share(Some(1.0)), "100 %");
        assert_eq!(share(Some(0.999_999)), "99.99 %");
        assert_eq!(share(Some(1.000_001)), "100.01 %");
        assert_eq!(share(Some(0.0)), "0.00 %");
        assert_eq!(duration(Some(5.26)), "5.3 s");
        assert_eq!(duration(Some(58.4)), "58 s");
        assert_eq!(duration(Some(125.0)), "2m 5s");
        assert_eq!(duration(Some(f64::INFINITY)), "1year");
        assert_eq!(time_of_day(Moment(1_772_334_072_500)), "03:01:12Z");
        assert_eq!(
            time_of_day(Moment(i64::MAX)),
            "9223372036854775807 ms after 1970"
        );
    }
}
