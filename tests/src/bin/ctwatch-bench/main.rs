//! What ctwatch costs, measured. `cargo xtask bench` runs it: `costs` and `recorder` inside the laboratory, where
//! the clock counts instructions.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod clock;
mod costs;
mod ctwatch;
mod flows;
mod frames;
mod node;
mod programs;
mod recorder;
mod table;
mod tcp;
mod walk;

/// Measures what ctwatch costs.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// What a flow, a connection, an ended entry and a packet cost with and without ctwatch; for the laboratory.
    Costs,
    /// What the recorder takes while 65,535 endpoints are in use; for the laboratory.
    Recorder,
    /// How long a walk over the counters of 65,536 endpoints takes, on any machine.
    Walk,
}

fn main() -> ExitCode {
    let result = match Cli::parse().part {
        Part::Costs => costs::run(),
        Part::Recorder => recorder::run(),
        Part::Walk => walk::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
