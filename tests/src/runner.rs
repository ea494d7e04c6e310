//! Runs scenarios one after the other and prints a verdict line for each, which `cargo xtask test` reads.

use std::{fmt, process::ExitCode, time::Instant};

use anyhow::{Result, bail};

/// A scenario.
pub(crate) struct Scenario {
    /// Its name, which says what holds.
    pub(crate) name: &'static str,
    /// Whether it can run outside the laboratory, too.
    pub(crate) anywhere: bool,
    /// Fails with what does not hold, or with [`Skip`].
    pub(crate) run: fn() -> Result<()>,
}

/// Why a scenario cannot be tried on this machine.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// The scenarios of these names in the order in which they are listed; all, if none is named. `anywhere` leaves out
/// those that need the laboratory.
pub(crate) fn chosen<'a>(
    all: &'a [Scenario],
    names: &[String],
    anywhere: bool,
) -> Result<Vec<&'a Scenario>> {
    for name in names {
        if !all.iter().any(|scenario| scenario.name == name) {
            bail!("no scenario {name} (`ctwatch-tests list` prints their names)");
        }
    }
    let wanted = |scenario: &&Scenario| {
        (names.is_empty() || names.iter().any(|name| name == scenario.name))
            && (scenario.anywhere || !anywhere)
    };
    Ok(all.iter().filter(wanted).collect())
}

/// Runs them all; the exit status is 1 when one failed.
pub(crate) fn run(scenarios: &[&Scenario]) -> ExitCode {
    let mut failed = false;
    for scenario in scenarios {
        let started = Instant::now();
        let result = (scenario.run)();
        let seconds = started.elapsed().as_secs_f64();
        failed |= matches!(&result, Err(error) if !error.is::<Skip>());
        println!("{}", verdict(scenario.name, &result, seconds));
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn verdict(name: &str, result: &Result<()>, seconds: f64) -> String {
    let word = match result {
        Ok(()) => format!("ok ({seconds:.1} s)"),
        Err(error) => {
            let reason = format!("{error:#}").trim().replace('\n', " | ");
            match error.is::<Skip>() {
                true => format!("skipped: {reason}"),
                false => format!("FAILED: {reason} ({seconds:.1} s)"),
            }
        }
    };
    format!("scenario {name} ... {word}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use anyhow::anyhow;

    use super::*;

    const ALL: &[Scenario] = &[
        Scenario {
            name: "first",
            anywhere: false,
            run: || Ok(()),
        },
        Scenario {
            name: "second",
            anywhere: true,
            run: || Ok(()),
        },
    ];

    #[test]
    fn a_verdict_is_one_line() {
        assert_eq!(verdict("x", &Ok(()), 1.25), "scenario x ... ok (1.2 s)");
        let error = anyhow!("two\nlines\n").context("why");
        assert_eq!(
            verdict("x", &Err(error), 0.0),
            "scenario x ... FAILED: why: two | lines (0.0 s)"
        );
        let skip = Err(Skip("no module".into()).into());
        assert_eq!(
            verdict("x", &skip, 0.0),
            "scenario x ... skipped: no module"
        );
    }

    #[test]
    fn scenarios_are_chosen_by_their_full_name() {
        let names = |names: &[String], anywhere| {
            let chosen = chosen(ALL, names, anywhere)?;
            anyhow::Ok(chosen.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[], false).unwrap(), ["first", "second"]);
        assert_eq!(names(&["second".into()], false).unwrap(), ["second"]);
        assert_eq!(names(&[], true).unwrap(), ["second"]);
        assert!(names(&["sec".into()], false).is_err());
    }
}
