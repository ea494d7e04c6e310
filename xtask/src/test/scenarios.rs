//! The scenarios of the `tests` crate, in the laboratory, in several guests at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::plan::{Extent, Guest};
use super::tally::{Remark, Step, Tally};
use crate::lab::{Machine, Stopped};

/// Its lines are what [`verdict`] reads.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/test/guest.sh");

/// Kernel logs and what the guests leave.
pub(super) const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test");

/// A guest has two processors and mostly waits, so two of them share a machine of two.
const AT_ONCE: usize = 2;

/// What came of a guest.
pub(super) struct Run {
    /// What it was to do.
    pub(super) guest: Guest,
    /// Its kernel's full version (`uname -r`), unless it did not start.
    pub(super) release: Option<String>,
    /// Its scenarios.
    pub(super) step: Step,
}

/// Runs them all, in the order given as far as there is room; the results are in that order, too.
pub(super) fn run(guests: &[Guest], programs: &[(PathBuf, PathBuf)]) -> Vec<Run> {
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(Vec::new());
    let work = || {
        while let Some(&guest) = guests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = carry_out(guest, programs);
            let Step {
                name,
                tally,
                seconds,
            } = &run.step;
            eprintln!("test: {name}: {tally} ({seconds:.0} s)");
            runs.lock()
                .unwrap_or_else(|error| error.into_inner())
                .push(run);
        }
    };
    thread::scope(|scope| {
        (0..AT_ONCE).for_each(|_| drop(scope.spawn(work)));
    });
    let mut runs = runs.into_inner().unwrap_or_else(|error| error.into_inner());
    runs.sort_by_key(|run| guests.iter().position(|guest| *guest == run.guest));
    runs
}

fn carry_out(guest: Guest, programs: &[(PathBuf, PathBuf)]) -> Run {
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut release = None;
    if let Err(error) = attempt(guest, programs, &mut tally, &mut release) {
        let remark = Remark::new("all of them", format!("{error:#}"));
        tally.failures.push(remark);
    }
    let kernel = release.as_deref().unwrap_or(guest.kernel.series());
    let name = match guest.extent {
        Extent::Core => format!("scenarios on {kernel} by {}, the core", guest.way),
        Extent::All | Extent::Probes => format!("scenarios on {kernel} by {}", guest.way),
    };
    Run {
        guest,
        release,
        step: Step {
            name,
            tally,
            seconds: started.elapsed().as_secs_f64(),
        },
    }
}

fn attempt(
    guest: Guest,
    programs: &[(PathBuf, PathBuf)],
    tally: &mut Tally,
    release: &mut Option<String>,
) -> Result<()> {
    let Guest { kernel, way, .. } = guest;
    let home = Path::new(HOME).join(format!("{kernel}-{way}"));
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let mut machine = Machine::new(kernel, home.join("out"));
    machine.payload = programs.to_vec();
    let result = machine.run(Path::new(SCRIPT), &guest.arguments(), |line| {
        let line = line.text();
        eprintln!("{kernel} {way}: {line}");
        if let Some(one) = verdict(&line) {
            *tally += one;
        }
    });
    let log = home.join("kernel.log");
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            if let Some(stopped) = error.downcast_ref::<Stopped>() {
                *release = Some(stopped.release.clone());
                fs::write(&log, &stopped.kernel_log)?;
                let log = log.display();
                return Err(error.context(format!("the kernel log is {log}")));
            }
            return Err(error);
        }
    };
    *release = Some(outcome.release);
    fs::write(&log, &outcome.kernel_log)?;
    if outcome.status != 0 && tally.failures.is_empty() {
        anyhow::bail!("ctwatch-tests ended with {}", outcome.status);
    }
    Ok(())
}

/// What a line `scenario NAME ... ok|FAILED|skipped` tells.
pub(super) fn verdict(line: &str) -> Option<Tally> {
    let (name, word) = line.strip_prefix("scenario ")?.split_once(" ... ")?;
    let (word, reason) = word.split_once(": ").unwrap_or((word, ""));
    match word {
        "FAILED" => Some(Tally::failure(name, reason)),
        "skipped" => Some(Tally::skip(name, reason)),
        _ if word.starts_with("ok") => Some(Tally::pass()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_lines_are_understood_and_others_are_not_counted() {
        assert_eq!(verdict("scenario a ... ok (1.2 s)"), Some(Tally::pass()));
        assert_eq!(
            verdict("scenario a ... FAILED: drop: 3 instead of 2 (0.1 s)"),
            Some(Tally::failure("a", "drop: 3 instead of 2 (0.1 s)"))
        );
        assert_eq!(
            verdict("scenario a ... skipped: no IPv6"),
            Some(Tally::skip("a", "no IPv6"))
        );
        assert_eq!(verdict("scenario a ... well"), None);
        assert_eq!(verdict("warning: scenario"), None);
    }
}
