//! ctwatch's scenarios: what users notice, tried on a real kernel. Runs inside the laboratory as root, and some of it
//! on any machine, in namespaces that end with it; each scenario makes its own network namespaces and traffic, drives
//! `ctwatch` as a user does, and holds what it recorded against the kernel's own figures.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod lab;
mod runner;
mod scenario;
mod truth;

use runner::Only;

/// ctwatch's scenarios, for a machine whose network may be changed: run them in the laboratory, or by `cargo xtask test`.
#[derive(Parser)]
#[command(name = "ctwatch-tests")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the scenarios' names.
    List,
    /// Run these scenarios, or all, and print a line for each.
    Run {
        /// Names, as `list` prints them.
        names: Vec<String>,
        /// Leave out the others.
        #[arg(long, value_enum)]
        only: Option<Only>,
    },
    /// Play the set-ups of advice against truth, or those named, and print a line of JSON for each.
    Truth {
        /// Names of set-ups.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::List => {
            scenario::ALL.iter().for_each(|s| println!("{}", s.name));
            ExitCode::SUCCESS
        }
        Command::Run { names, only } => match runner::chosen(scenario::ALL, &names, only) {
            Ok(scenarios) => runner::run(&scenarios),
            Err(error) => refuse(&error),
        },
        Command::Truth { names } => truth::run(&names).unwrap_or_else(|error| refuse(&error)),
    }
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    eprintln!("ctwatch-tests: {error:#}");
    ExitCode::from(2)
}
