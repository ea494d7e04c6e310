//! Which findings are faults: of ctwatch's, or of a set-up's.

use super::accepted;
use super::finding::{Finding, Line, Truth};

/// What does not hold, a sentence each.
pub(super) fn faults(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| {
            let name = line.name();
            let faults = match line {
                Line::Failed(failure) => vec![format!("could not be played: {}", failure.error)],
                Line::Played(finding) => of(finding),
            };
            faults
                .into_iter()
                .map(move |fault| format!("{name}: {fault}"))
        })
        .collect()
}

fn of(finding: &Finding) -> Vec<String> {
    let mut faults = Vec::new();
    let advised = finding.advised.as_ref().map(|phase| phase.truth);
    if vouched(finding) && advised != Some(Truth::Safe) {
        let found = advised.map_or("no rules".to_owned(), word);
        faults.push(format!("{}, but under its rules: {found}", finding.verdict));
    }
    if withheld(finding) && accepted::reason(&finding.name).is_none() {
        let reasons = finding.reasons.join(", ");
        faults.push(format!(
            "safe, but withheld: {} ({reasons})",
            finding.verdict
        ));
    }
    if finding.truth != finding.expected {
        let [found, expected] = [finding.truth, finding.expected].map(word);
        faults.push(format!("{found}, where {expected} was expected"));
    }
    faults
}

/// Whether ctwatch says that its rules do no harm.
fn vouched(finding: &Finding) -> bool {
    ["safe", "needs-accept"].contains(&finding.verdict.as_str())
}

/// Whether rules that do no harm were not advised.
pub(super) fn withheld(finding: &Finding) -> bool {
    finding.truth == Truth::Safe && !vouched(finding)
}

/// Accepted reasons that nothing was withheld for.
pub(super) fn idle_acceptances(lines: &[Line]) -> Vec<&str> {
    let needless = |line: &&Line| match line {
        Line::Played(finding) => accepted::reason(&finding.name).is_some() && !withheld(finding),
        Line::Failed(_) => false,
    };
    lines.iter().filter(needless).map(Line::name).collect()
}

/// The word of the table and of JSON.
pub(super) fn word(truth: Truth) -> String {
    match truth {
        Truth::Safe => "safe",
        Truth::Breaks => "breaks",
        Truth::Opens => "opens",
        Truth::Idle => "idle",
    }
    .to_owned()
}
