//! How ctwatch refuses: one line on standard error that names the matter, and exit status 2.

use anyhow::{Context, Result};

use super::{
    check::{equal, holds},
    command,
};

/// Runs a command that must be refused in words that hold all of these.
pub(crate) fn expect(command: &[&str], words: &[&str]) -> Result<()> {
    let (program, arguments) = command.split_first().context("no program")?;
    let output = command::output(program, arguments, "")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let what = |what: &str| format!("{}: {what} (it said {:?})", command.join(" "), said.trim());
    equal(&what("exit status"), output.status.code(), Some(2))?;
    equal(&what("lines"), said.lines().count(), 1)?;
    for word in words {
        holds(&what(&format!("names {word}")), said.contains(word))?;
    }
    Ok(())
}
