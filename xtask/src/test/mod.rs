//! `cargo xtask test`: everything that must hold before a change goes in, from format to the scenarios on real
//! kernels, reported together at the end.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::lab::{self, Kernel};

mod cargo;
mod libtest;
mod native;
mod object;
mod scenarios;
mod tally;

use tally::{Step, Tally};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernel series to run the scenarios on; may be repeated.
    #[arg(long, value_enum, default_values = ["6.1", "6.12"])]
    kernel: Vec<Kernel>,
}

/// Runs every step, whatever came of those before, and prints the table. The exit status is 1 when anything failed.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut steps = vec![
        step("format", cargo::format),
        step("clippy", cargo::clippy),
        step("licences", cargo::deny),
        step("unit, snapshot and property tests", cargo::test),
        step("kernel object", object::check),
    ];
    let mut programs = Vec::new();
    steps.push(step("build for the scenarios", || {
        programs = lab::programs()?;
        Ok(Tally::default())
    }));
    if !programs.is_empty() {
        steps.push(step(native::NAME, || native::run(&programs)));
        steps.extend(scenarios::run(&args.kernel, &programs));
    }
    print!("{}", tally::table(&steps));
    if steps.iter().any(|step| step.tally.failed() > 0) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A step that cannot be carried out has failed.
fn step(name: &str, work: impl FnOnce() -> Result<Tally>) -> Step {
    eprintln!("test: {name}");
    let started = Instant::now();
    let tally = work().unwrap_or_else(|error| Tally::failure(name, format!("{error:#}")));
    let step = Step {
        name: name.to_owned(),
        tally,
        seconds: started.elapsed().as_secs_f64(),
    };
    eprintln!("test: {name}: {} ({:.0} s)", step.tally, step.seconds);
    step
}
