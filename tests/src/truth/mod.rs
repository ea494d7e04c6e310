//! Advice against truth: set-ups in which NOTRACK rules are applied whatever ctwatch advised, and what came of it.
//!
//! `ctwatch-tests truth` plays them and prints a line of JSON for each; `cargo xtask advice-truth` judges them.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde::Serialize;

mod advice;
mod exchange;
mod play;
mod rules;
mod server;
mod setup;
mod setups;
mod stage;
mod traffic;

use setup::Setup;

/// A set-up that could not be played.
#[derive(Serialize)]
struct Failure {
    name: &'static str,
    error: String,
}

/// Plays the set-ups of these names, or all; exit status 1 when one could not be played.
pub(crate) fn run(names: &[String]) -> Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    for setup in chosen(names)? {
        let line = match play::play(setup) {
            Ok(finding) => serde_json::to_string(&finding)?,
            Err(error) => {
                status = ExitCode::FAILURE;
                let error = format!("{error:#}");
                let name = setup.name;
                serde_json::to_string(&Failure { name, error })?
            }
        };
        println!("{line}");
    }
    Ok(status)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Setup>> {
    let all = || setups::ALL.iter().copied().flatten();
    for name in names {
        if !all().any(|setup| setup.name == name) {
            bail!("no set-up {name}");
        }
    }
    let wanted = |setup: &&Setup| names.is_empty() || names.iter().any(|name| name == setup.name);
    Ok(all().filter(wanted).collect())
}
