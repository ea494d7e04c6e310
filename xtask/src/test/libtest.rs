//! Reads what Rust's test programs print with `--show-output`.

use super::tally::{Remark, Tally};

/// The results so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    tally: Tally,
    passed: Vec<String>,
    section: Section,
}

/// Where in a program's output we are.
#[derive(Debug, Default, PartialEq, Eq)]
enum Section {
    /// Results come, a line a test.
    #[default]
    Results,
    /// What the tests that passed printed; of this one, if named.
    Successes(Option<String>),
    /// What the failed ones printed.
    Failures,
}

impl Results {
    /// Reads a line; says whether it is worth showing: what failed tests printed.
    pub(super) fn read(&mut self, line: &str) -> bool {
        if line.starts_with("running ") && line.contains(" test") {
            self.section = Section::Results;
            return false;
        }
        if line.starts_with("test result: ") {
            let passed = std::mem::take(&mut self.passed);
            self.tally.passed += passed.len();
            self.section = Section::Results;
            return false;
        }
        match (line, &self.section) {
            ("successes:", _) => self.section = Section::Successes(None),
            ("failures:", _) => self.section = Section::Failures,
            (_, Section::Results) => self.result(line),
            (_, Section::Successes(_)) => self.success(line),
            (_, Section::Failures) => return true,
        }
        false
    }

    /// What came of all tests.
    pub(super) fn tally(self) -> Tally {
        self.tally
    }

    fn result(&mut self, line: &str) {
        let Some((name, result)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        else {
            return;
        };
        let name = name.trim_end_matches(" - should panic");
        match result.split_once(", ").unwrap_or((result, "")) {
            ("ok", _) => self.passed.push(name.to_owned()),
            ("FAILED", reason) => self.tally.failures.push(Remark::new(name, reason)),
            ("ignored", reason) => self.tally.skips.push(Remark::new(name, reason)),
            _ => {}
        }
    }

    /// A test that found no way to try what it is for says `skipped: REASON` and returns.
    fn success(&mut self, line: &str) {
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.section = Section::Successes(Some(name.to_owned()));
            return;
        }
        let (Section::Successes(Some(name)), Some(reason)) =
            (&self.section, line.strip_prefix("skipped: "))
        else {
            return;
        };
        let name = name.clone();
        if let Some(at) = self.passed.iter().position(|passed| *passed == name) {
            self.passed.remove(at);
            self.tally.skips.push(Remark::new(&name, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 5 tests
test a::one ... ok
test a::two ... ok
test a::three ... ignored, takes an hour
test a::four - should panic ... ok
test a::five ... FAILED

successes:

---- a::one stdout ----
skipped: this machine has no BTF
skipped: nor anything else

---- a::two stdout ----
all is well

successes:
    a::one
    a::two

failures:

---- a::five stdout ----
assertion failed: false

failures:
    a::five

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 1 test
test b ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn a_test_that_says_skipped_has_not_passed() {
        let mut results = Results::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| results.read(line)).collect();
        let tally = results.tally();
        assert_eq!(tally.passed, 3);
        assert_eq!(tally.failures, [Remark::new("a::five", "")]);
        assert_eq!(
            tally.skips,
            [
                Remark::new("a::three", "takes an hour"),
                Remark::new("a::one", "this machine has no BTF")
            ]
        );
        assert!(shown.contains(&"assertion failed: false"));
        assert!(!shown.contains(&"all is well"));
    }
}
