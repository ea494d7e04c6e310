//! `ctwatch doctor`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};

use super::{Global, Outcome, Output};
use crate::{
    analysis::doctor::diagnose,
    render::{
        doctor::{json, text},
        paint::Paint,
    },
    source::doctor,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Look at another root: a node's files as mounted in a container, or a tree recorded elsewhere.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if !args.root.is_dir() {
        bail!("cannot look at {}: no such directory", args.root.display());
    }
    let diagnosis = diagnose(&doctor::read(&args.root));
    let out = match global.output {
        Output::Json => json(&diagnosis)?,
        Output::Text => {
            let paint = if global.colored() {
                Paint::Colored
            } else {
                Paint::Plain
            };
            text(&diagnosis, paint)
        }
    };
    io::stdout().write_all(out.as_bytes())?;
    Ok(if diagnosis.attention > 0 {
        Outcome::Attention
    } else {
        Outcome::Done
    })
}
