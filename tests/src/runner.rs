//! Runs scenarios one after the other and prints a verdict line for each, which `cargo xtask test` reads.

use std::{fmt, process::ExitCode, time::Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

/// A scenario.
pub(crate) struct Scenario {
    /// Its name, which says what holds.
    pub(crate) name: &'static str,
    /// Where and how often it is to run.
    pub(crate) kind: Kind,
    /// Fails with what does not hold, or with [`Skip`].
    pub(crate) run: fn() -> Result<()>,
}

/// Where and how often a scenario is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Once a kernel, outside the laboratory, too: it needs no probes and no setting of the machine's.
    Anywhere,
    /// Once a kernel: which way the probes are attached makes no difference to it.
    Once,
    /// Once a kernel and way to attach.
    Probes,
    /// As [`Kind::Probes`], also where time is short: what a way to attach must get right before all else.
    Core,
}

/// Which scenarios a run is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Those that need no laboratory.
    Anywhere,
    /// Those that depend on the way to attach.
    Probes,
    /// Of these, those that matter most.
    Core,
}

impl Only {
    fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Anywhere => kind == Kind::Anywhere,
            Self::Probes => matches!(kind, Kind::Probes | Kind::Core),
            Self::Core => kind == Kind::Core,
        }
    }
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

/// The scenarios of these names in the order in which they are listed; all, if none is named.
pub(crate) fn chosen<'a>(
    all: &'a [Scenario],
    names: &[String],
    only: Option<Only>,
) -> Result<Vec<&'a Scenario>> {
    for name in names {
        if !all.iter().any(|scenario| scenario.name == name) {
            bail!("no scenario {name} (`ctwatch-tests list` prints their names)");
        }
    }
    let wanted = |scenario: &&Scenario| {
        (names.is_empty() || names.iter().any(|name| name == scenario.name))
            && only.is_none_or(|only| only.takes(scenario.kind))
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
        scenario("first", Kind::Once),
        scenario("second", Kind::Anywhere),
        scenario("third", Kind::Probes),
        scenario("fourth", Kind::Core),
    ];

    const fn scenario(name: &'static str, kind: Kind) -> Scenario {
        Scenario {
            name,
            kind,
            run: || Ok(()),
        }
    }

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

    fn names(names: &[&str], only: Option<Only>) -> Result<Vec<&'static str>> {
        let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        let chosen = chosen(ALL, &names, only)?;
        Ok(chosen.iter().map(|s| s.name).collect())
    }

    #[test]
    fn scenarios_are_chosen_by_their_full_name() {
        let all = ["first", "second", "third", "fourth"];
        assert_eq!(names(&[], None).unwrap(), all);
        assert_eq!(names(&["second"], None).unwrap(), ["second"]);
        assert!(names(&["sec"], None).is_err());
    }

    #[test]
    fn a_run_is_limited_by_what_scenarios_need() {
        let only = |only| names(&[], Some(only)).unwrap();
        assert_eq!(only(Only::Anywhere), ["second"]);
        assert_eq!(only(Only::Probes), ["third", "fourth"]);
        assert_eq!(only(Only::Core), ["fourth"]);
    }
}
