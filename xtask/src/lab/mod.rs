//! `cargo xtask vm`: the laboratory.

use anyhow::Result;

/// Arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Script to run inside, with its arguments.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(_args: &Args) -> Result<()> {
    Ok(())
}
