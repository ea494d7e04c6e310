//! `ctwatch record`.

use anyhow::{Result, bail};

use super::{Global, Outcome};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, _global: &Global) -> Result<Outcome> {
    bail!("this build has no `record` yet")
}
