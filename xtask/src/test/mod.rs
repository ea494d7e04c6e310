//! `cargo xtask test`: everything that must hold before a change goes in, from format to the scenarios on real
//! kernels, reported together at the end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::lab::{self, Kernel};

mod cargo;
mod fuzz;
mod libtest;
mod matrix;
mod native;
mod object;
mod plan;
mod scenarios;
mod tally;

use plan::Guest;
use tally::{Step, Tally};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run every scenario on every kernel, by each way to attach that it has, and write what works where to
    /// target/test/matrix.md [default: 6.1 and 7.2].
    #[arg(long)]
    matrix: bool,
    /// As --matrix, on this kernel series only; may be repeated.
    #[arg(long, value_enum, conflicts_with = "matrix")]
    kernel: Vec<Kernel>,
}

impl Args {
    /// What to run, and whether it makes a matrix.
    fn plan(&self) -> (Vec<Guest>, bool) {
        match (self.matrix, self.kernel.as_slice()) {
            (true, _) => (plan::thorough(plan::all_kernels()), true),
            (false, []) => (plan::short(), false),
            (false, kernels) => (plan::thorough(kernels), true),
        }
    }
}

/// Runs every step, whatever came of those before, and prints the table. The exit status is 1 when anything failed.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut steps = vec![
        step("format", cargo::format),
        step("clippy", cargo::clippy),
        step("licences", cargo::deny),
        step("unit, snapshot and property tests", cargo::test),
        step("fuzzing of parsers", fuzz::run),
        step("kernel object", object::check),
    ];
    let mut programs = Vec::new();
    steps.push(step("build for the scenarios", || {
        programs = lab::programs()?;
        Ok(Tally::default())
    }));
    if !programs.is_empty() {
        steps.push(step(native::NAME, || native::run(&programs)));
        steps.extend(in_the_laboratory(args, &programs));
    }
    print!("{}", tally::table(&steps));
    if steps.iter().any(|step| step.tally.failed() > 0) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A step for each guest.
fn in_the_laboratory(args: &Args, programs: &[(PathBuf, PathBuf)]) -> Vec<Step> {
    let (guests, is_matrix) = args.plan();
    let runs = scenarios::run(&guests, programs);
    if is_matrix {
        match matrix::write(&runs) {
            Ok(path) => eprintln!("test: what works where is in {}", path.display()),
            Err(error) => eprintln!("test: {error:#}"),
        }
    }
    runs.into_iter().map(|run| run.step).collect()
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
