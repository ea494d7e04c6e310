//! Remedies as people read them: first in order of worth, then each with its symptom, cause, check and what to do.

use std::fmt::Write;

use super::text::field;
use crate::{
    analysis::advice::Advice,
    model::remedy::{Remedy, RemedyKind, UntilFull},
    render::{number, paint::Paint},
};

/// Remedies of the list at the top.
const WORTH: usize = 8;

/// What is worth most, a line each.
pub(super) fn worth(out: &mut String, advice: &Advice, paint: Paint) {
    if advice.remedies.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.strong("What is worth most"));
    for remedy in advice.remedies.iter().take(WORTH) {
        let _ = writeln!(
            out,
            "  {:>9}  {}; {}",
            gain(remedy),
            remedy.title,
            price(remedy)
        );
    }
    if let Some(more) = advice
        .remedies
        .len()
        .checked_sub(WORTH)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(out, "  {more} more below");
    }
    out.push_str("  Remedies may free the same entries: their figures do not add up.\n");
}

/// Each in full, but for NOTRACK, which the ports have.
pub(super) fn blocks(out: &mut String, advice: &Advice, paint: Paint) {
    let others = advice.remedies.iter();
    for remedy in others.filter(|remedy| remedy.kind != RemedyKind::Notrack) {
        let kind = remedy.kind.as_str();
        let _ = writeln!(out, "\n{} ({kind})", paint.strong(&remedy.title));
        block(out, remedy);
    }
}

fn block(out: &mut String, remedy: &Remedy) {
    field(out, "symptom", &remedy.symptom);
    field(out, "cause", &remedy.cause);
    field(out, "check", &remedy.check);
    let mut lines = remedy.how.lines();
    field(out, "do", lines.next().unwrap_or_default());
    lines.for_each(|line| field(out, "", line));
    if let Some(persist) = &remedy.persist {
        field(out, "for good", persist);
    }
    if let Some(owner) = &remedy.owner {
        field(out, "set by", owner);
    }
    field(
        out,
        "frees",
        &format!("{}; {}", freed(remedy), price(remedy)),
    );
    field(out, "figures", &remedy.basis);
}

fn gain(remedy: &Remedy) -> String {
    match (remedy.frees_entries, remedy.kind) {
        (_, RemedyKind::Max) => "room".to_owned(),
        (Some(0), RemedyKind::Hashsize) => "speed".to_owned(),
        (None, _) => "-".to_owned(),
        (Some(entries), _) => number::count(entries),
    }
}

fn freed(remedy: &Remedy) -> String {
    let Some(entries) = remedy.frees_entries else {
        return "not known".to_owned();
    };
    let drain = remedy.drain_seconds.map_or_else(String::new, |seconds| {
        format!(" within {}", number::duration(Some(seconds as f64)))
    });
    format!("{} entries{drain}", number::count(entries))
}

/// Fill before and after, memory, and the time that is left.
fn price(remedy: &Remedy) -> String {
    let mut price = format!(
        "fill {} → {}",
        number::percent(remedy.fill_before),
        number::percent(remedy.fill_after)
    );
    match remedy.costs_bytes {
        Some(0) => {}
        Some(bytes) => {
            let mebibytes = bytes as f64 / f64::from(1 << 20);
            let _ = write!(price, ", costs {mebibytes:.1} MiB when full");
        }
        None => price.push_str(", costs unknown"),
    }
    if remedy.fill_after.is_some() {
        let _ = write!(price, ", {}", until(remedy.until_full_after));
    }
    price
}

/// `full in 5m at the earliest`
pub(super) fn until(until: UntilFull) -> String {
    match until {
        UntilFull::Unknown => "time until full unknown".to_owned(),
        UntilFull::Never => "does not fill at this rate".to_owned(),
        UntilFull::Seconds(0) => "still full".to_owned(),
        UntilFull::Seconds(seconds) => {
            let duration = number::duration(Some(seconds as f64));
            format!("full in {duration} at the earliest")
        }
    }
}
