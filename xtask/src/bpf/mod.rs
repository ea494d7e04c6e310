//! `cargo xtask bpf`: the kernel object, rebuilt or compared.

use anyhow::Result;

/// Arguments of `cargo xtask bpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rebuild and compare code and maps with the object that is checked in, changing nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Runs the task.
pub(crate) fn run(_args: &Args) -> Result<()> {
    Ok(())
}
