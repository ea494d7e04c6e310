//! What is said of a listing that was not understood whole.

use crate::{model::listing::Listing, render::number::count};

/// Lines for standard error; none when all was understood.
#[must_use]
pub fn warnings(listing: &Listing, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if listing.damaged > 0 {
        let all = count(listing.lines);
        let damaged = count(listing.damaged);
        let which = match listing.damaged_lines.len() as u64 {
            shown if shown < listing.damaged => format!("; the first {shown}"),
            _ => String::new(),
        };
        lines.push(format!(
            "{damaged} of {all} lines are no entries and were left out{which}:"
        ));
    }
    for line in &listing.damaged_lines {
        lines.push(format!(
            "{name}:{}:{}: {}: {}",
            line.line, line.column, line.reason, line.text
        ));
    }
    if listing.unknown_entries > 0 {
        lines.push(format!(
            "{} entries have words that are not understood ({}); the rest of them is used",
            count(listing.unknown_entries),
            listing.unknown.join(", ")
        ));
    }
    lines
}
