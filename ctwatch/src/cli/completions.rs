//! `ctwatch completions`.

use std::io::{self, Write as _};

use anyhow::Result;
use clap::Command;
use clap_complete::{Shell, generate};

use super::Outcome;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell that will read it.
    shell: Shell,
}

pub(super) fn run(args: &Args, mut program: Command) -> Result<Outcome> {
    // By way of memory: the library panics when a pipe is closed.
    let mut script = Vec::new();
    generate(args.shell, &mut program, "ctwatch", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}
