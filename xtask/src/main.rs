//! ctwatch's build, laboratory and tests, as `cargo xtask <task>`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod bpf;
mod demo;
mod lab;
mod test;
mod truth;

/// Tasks of the ctwatch repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Hold the advisor's verdicts against what NOTRACK rules do to real traffic, in the laboratory.
    AdviceTruth(truth::Args),
    /// Measure what ctwatch costs: the probes' instructions, the recorder, the walk over the counters.
    Bench(bench::Args),
    /// Rebuild the kernel object that is checked in, or compare it with its sources.
    Bpf(bpf::Args),
    /// Check everything: format, lints, tests, the kernel object, and the scenarios on real kernels.
    Test(test::Args),
    /// Show a node drown in its conntrack table and recover, in the laboratory.
    Demo(demo::Args),
    /// Boot a stock Debian kernel in QEMU and run a script inside as root.
    Vm(lab::Args),
}

fn main() -> ExitCode {
    match Cli::parse().task {
        Task::AdviceTruth(args) => finish(truth::run(&args)),
        Task::Bench(args) => finish(bench::run(&args)),
        Task::Bpf(args) => finish(bpf::run(&args)),
        Task::Test(args) => test::run(&args),
        Task::Demo(args) => finish(demo::run(&args)),
        Task::Vm(args) => lab::run(&args),
    }
}

/// An error is one line, and exit status 2.
fn finish(result: Result<ExitCode>) -> ExitCode {
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
