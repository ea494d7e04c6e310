//! The scenarios of the `tests` crate, in the laboratory on several kernels at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::tally::{Remark, Step, Tally};
use crate::lab::{Kernel, Machine, Stopped};

/// Runs them all; its lines are what [`verdict`] reads.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/test/guest.sh");

/// Kernel logs and what the guests leave.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test");

/// A step for each kernel. A guest has two processors and mostly waits, so two of them share a machine of two.
pub(super) fn run(kernels: &[Kernel], programs: &[(PathBuf, PathBuf)]) -> Vec<Step> {
    let mut steps = Vec::new();
    for pair in kernels.chunks(2) {
        thread::scope(|scope| {
            let running: Vec<_> = pair
                .iter()
                .map(|&kernel| scope.spawn(move || on(kernel, programs)))
                .collect();
            let name = "a thread of the laboratory";
            steps.extend(running.into_iter().zip(pair).map(|(thread, kernel)| {
                thread.join().unwrap_or_else(|_| Step {
                    name: format!("scenarios on {kernel}"),
                    tally: Tally::failure(name, "it panicked"),
                    seconds: 0.0,
                })
            }));
        });
    }
    steps
}

fn on(kernel: Kernel, programs: &[(PathBuf, PathBuf)]) -> Step {
    let name = format!("scenarios on {kernel}");
    let started = Instant::now();
    let mut tally = Tally::default();
    if let Err(error) = attempt(kernel, programs, &mut tally) {
        tally
            .failures
            .push(Remark::new(&name, format!("{error:#}")));
    }
    Step {
        name,
        tally,
        seconds: started.elapsed().as_secs_f64(),
    }
}

fn attempt(kernel: Kernel, programs: &[(PathBuf, PathBuf)], tally: &mut Tally) -> Result<()> {
    let home = Path::new(HOME).join(kernel.series());
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let mut machine = Machine::new(kernel, home.join("out"));
    machine.payload = programs.to_vec();
    let result = machine.run(Path::new(SCRIPT), &[], |line| {
        let line = line.text();
        eprintln!("{kernel}: {line}");
        if let Some(one) = verdict(&line) {
            *tally += one;
        }
    });
    let log = home.join("kernel.log");
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            if let Some(stopped) = error.downcast_ref::<Stopped>() {
                fs::write(&log, &stopped.kernel_log)?;
                let log = log.display();
                return Err(error.context(format!("the kernel log is {log}")));
            }
            return Err(error);
        }
    };
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
