//! The table of docs/advice.md.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::accepted;
use super::finding::{Finding, Line, Phase, Truth};
use super::judge::{withheld, word};

/// Between these lines stands what is made here.
pub(super) const BEGIN: &str = "<!-- made by `cargo xtask advice-truth`: begin -->";
pub(super) const END: &str = "<!-- end -->";

const HEAD: &str = "| Set-up | What stands on the node | Verdict | Reasons | Rules put in all the same | Rules as advised |\n\
    |---|---|---|---|---|---|\n";

/// Rows in the order in which they were played, and why safe rules were withheld.
pub(super) fn markdown(lines: &[Line], release: &str) -> String {
    let mut text = format!("Linux {release}.\n\n{HEAD}");
    let mut notes = String::new();
    for line in lines {
        let Line::Played(finding) = line else {
            continue;
        };
        text.push_str(&row(finding));
        if withheld(finding) {
            let why = accepted::reason(&finding.name).unwrap_or("no reason is known");
            let _ = writeln!(notes, "- `{}`: {why}.", finding.name);
        }
    }
    if !notes.is_empty() {
        let _ = write!(
            text,
            "\nWithheld although they would do no harm:\n\n{notes}"
        );
    }
    text
}

fn row(finding: &Finding) -> String {
    let before = finding.before.entries;
    let cell = |phase: &Option<Phase>| phase.as_ref().map_or("-".to_owned(), |p| cell(p, before));
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        finding.name,
        finding.built,
        finding.verdict,
        finding.reasons.join(", "),
        cell(&finding.plain),
        cell(&finding.advised)
    )
}

/// The truth, and what it is seen by.
fn cell(phase: &Phase, before: u64) -> String {
    let traffic = &phase.traffic;
    let seen = match phase.truth {
        Truth::Safe => String::new(),
        Truth::Breaks if traffic.answered == traffic.asked => ": a standing connection".to_owned(),
        Truth::Breaks => format!(": {} of {} answered", traffic.answered, traffic.asked),
        Truth::Opens => format!(": {} of {} let in", traffic.let_in, traffic.unwelcome),
        Truth::Idle => format!(": {} entries, {before} before", traffic.entries),
    };
    word(phase.truth) + &seen
}

/// The page with this table in place of its last one.
pub(super) fn replaced(page: &str, table: &str) -> Result<String> {
    let missing = || format!("docs/advice.md has no lines {BEGIN} and {END}");
    let (before, rest) = page.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}
