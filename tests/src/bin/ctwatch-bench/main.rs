//! What ctwatch costs, measured. `cargo xtask bench` runs it: `costs` and `recorder` inside the laboratory, where
//! the clock counts instructions.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod clock;
mod costs;
mod ctwatch;
mod dump;
mod fallback;
mod flows;
mod frames;
mod idle;
mod memory;
mod node;
mod programs;
mod reader;
mod recorder;
mod table;
mod tcp;
mod walk;
mod watcher;

/// Measures what ctwatch costs.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// What a flow, a connection, an ended entry and a packet cost with and without ctwatch; for the laboratory.
    Costs {
        /// Only what changes with the kernel programs.
        #[arg(long)]
        quick: bool,
    },
    /// How many flows a busy node manages while its recorder listens, and once it has given that up; for the
    /// laboratory.
    Fallback,
    /// What the recorder takes of an idle node; for the laboratory, or in namespaces that nobody else uses.
    Idle,
    /// What the recorder takes while 65,535 endpoints are in use; for the laboratory.
    Recorder,
    /// How long a dump of a million entries takes; as root on any machine, in a namespace of its own.
    Dump,
    /// A single reading of the table, which `dump` starts.
    #[command(hide = true)]
    DumpOnce {
        /// In which way.
        way: String,
    },
    /// How long a walk over the counters of 65,536 endpoints takes, on any machine.
    Walk,
}

fn main() -> ExitCode {
    let result = match Cli::parse().part {
        Part::Costs { quick } => costs::run(quick),
        Part::Fallback => fallback::run(),
        Part::Idle => idle::run(),
        Part::Recorder => recorder::run(),
        Part::Dump => dump::run(),
        Part::DumpOnce { way } => dump::once(&way),
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
