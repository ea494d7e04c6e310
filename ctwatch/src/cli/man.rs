//! `ctwatch man`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, bail};
use clap::Command;

use super::{Global, Outcome};
use crate::render::man::page;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where the pages go: ctwatch.1, ctwatch-record.1 and so on. Pages of these names are replaced.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(args: &Args, program: Command, global: &Global) -> Result<Outcome> {
    let directory = &args.directory;
    if !directory.is_dir() {
        bail!(
            "cannot write manual pages to {}: no such directory (mkdir -p {0})",
            directory.display()
        );
    }
    let mut program = program.disable_help_subcommand(true);
    // Names commands in full and gives each the options that all have.
    program.build();
    let shown = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let commands: Vec<Command> = shown.cloned().collect();
    for command in [program].iter().chain(&commands) {
        write(directory, command)?;
    }
    if !global.quiet {
        let pages = commands.len() + 1;
        noteln!("{pages} manual pages are in {}", directory.display());
    }
    Ok(Outcome::Done)
}

fn write(directory: &Path, command: &Command) -> Result<()> {
    let page = page(command)?;
    let path = directory.join(format!("{}.1", page.name));
    fs::write(&path, &page.text).map_err(|error| {
        let next = match error.kind() {
            ErrorKind::PermissionDenied => " (run it with sudo, or name another directory)",
            _ => "",
        };
        anyhow!("cannot write {}: {error}{next}", path.display())
    })
}
