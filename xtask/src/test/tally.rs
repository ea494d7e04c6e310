//! What came of the steps, and the table that shows it.

use std::fmt::{self, Write as _};

/// A step that was carried out.
pub(super) struct Step {
    /// For people.
    pub(super) name: String,
    /// What came of its tests.
    pub(super) tally: Tally,
    /// How long it took.
    pub(super) seconds: f64,
}

/// Tests of a step: how many passed, and which did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many passed.
    pub(super) passed: usize,
    /// The failed ones, each with its reason, or without one where it was shown before.
    pub(super) failures: Vec<Remark>,
    /// Those that could not be tried, each with its reason.
    pub(super) skips: Vec<Remark>,
}

/// A test and what is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// The test.
    pub(super) test: String,
    /// In one line; may be empty.
    pub(super) reason: String,
}

impl Tally {
    /// One test that passed.
    pub(super) fn pass() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// One test that failed.
    pub(super) fn failure(test: &str, reason: impl Into<String>) -> Self {
        Self {
            failures: vec![Remark::new(test, reason)],
            ..Self::default()
        }
    }

    /// One test that could not be tried.
    pub(super) fn skip(test: &str, reason: impl Into<String>) -> Self {
        Self {
            skips: vec![Remark::new(test, reason)],
            ..Self::default()
        }
    }

    /// How many failed.
    pub(super) fn failed(&self) -> usize {
        self.failures.len()
    }
}

impl Remark {
    /// A remark; its reason is put into one line.
    pub(super) fn new(test: &str, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self {
            test: test.to_owned(),
            reason: reason.trim().replace('\n', " | "),
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, mut more: Self) {
        self.passed += more.passed;
        self.failures.append(&mut more.failures);
        self.skips.append(&mut more.skips);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed, skipped) = (self.passed, self.failures.len(), self.skips.len());
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// A row a step, then every failure and every skip with its reason, and the sum alone on the last line.
pub(super) fn table(steps: &[Step]) -> String {
    let mut text = String::new();
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    let mut sum = Tally::default();
    let _ = writeln!(text, "\n{:width$}  passed  failed  skipped   time", "step");
    for Step {
        name,
        tally,
        seconds,
    } in steps
    {
        let _ = writeln!(
            text,
            "{name:width$}  {:>6}  {:>6}  {:>7}  {seconds:>3.0} s",
            tally.passed,
            tally.failures.len(),
            tally.skips.len()
        );
        sum += tally.clone();
    }
    text.push('\n');
    for step in steps {
        for (word, remarks) in [
            ("FAILED", &step.tally.failures),
            ("skipped", &step.tally.skips),
        ] {
            for Remark { test, reason } in remarks {
                let colon = if reason.is_empty() { "" } else { ": " };
                let _ = writeln!(text, "{word}: {}: {test}{colon}{reason}", step.name);
            }
        }
    }
    let _ = writeln!(text, "{sum}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_sum() {
        let steps = [
            Step {
                name: "format".into(),
                tally: Tally::pass(),
                seconds: 1.4,
            },
            Step {
                name: "kernel 6.1".into(),
                tally: Tally {
                    passed: 20,
                    failures: vec![Remark::new("flood", "1\n2")],
                    skips: vec![Remark::new("ipv6", "")],
                },
                seconds: 100.0,
            },
        ];
        let expected = "
step        passed  failed  skipped   time
format           1       0        0    1 s
kernel 6.1      20       1        1  100 s

FAILED: kernel 6.1: flood: 1 | 2
skipped: kernel 6.1: ipv6
21 passed, 1 failed, 1 skipped
";
        assert_eq!(table(&steps), expected);
    }
}
