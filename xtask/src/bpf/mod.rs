//! `cargo xtask bpf`: the kernel object that is checked in, rebuilt or compared.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

mod cache;
mod command;
mod compare;
mod compile;
mod contents;
mod debian_src;
#[path = "../../../ctwatch/build/digest.rs"]
mod digest;
mod linker;
mod oldest_kernel;
mod pins;
mod record;
mod rust_src;
mod toolchain;
mod tree;

use pins::Pins;
use toolchain::Toolchain;
use tree::Tree;

/// Arguments of `cargo xtask bpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rebuild and compare code and maps with the object that is checked in, changing nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// What a comparison of the checked-in object with its sources came to.
pub(crate) enum Verdict {
    /// Its code and maps are those of the sources.
    Same,
    /// They are not: a line for each difference.
    Different(Vec<String>),
    /// No toolchain could be had: why.
    Skipped(String),
}

/// Runs the task. The exit status is 1 when a comparison finds a difference.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !args.check {
        return rebuild().map(|()| ExitCode::SUCCESS);
    }
    match check()? {
        Verdict::Same => eprintln!("the kernel object is what its sources compile to"),
        Verdict::Skipped(reason) => eprintln!("skipped: {reason}"),
        Verdict::Different(lines) => {
            lines.iter().for_each(|line| eprintln!("{line}"));
            eprintln!(
                "the kernel object is not what its sources compile to: run `cargo xtask bpf` and commit ctwatch/bpf"
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Lints the kernel side, compiles it and compares the outcome with the object that is checked in, which stays as it
/// is. The new one is kept in the target directory.
pub(crate) fn check() -> Result<Verdict> {
    let tree = Tree::find()?;
    let pins = Pins::read(&tree.pins())?;
    let toolchain = match Toolchain::set_up(&pins) {
        Ok(toolchain) => toolchain,
        Err(reason) => return Ok(Verdict::Skipped(format!("{reason:#}"))),
    };
    compile::lint(&tree, &pins, &toolchain)?;
    let built = compile::compile(&tree, &pins, &toolchain)?;
    let read = |path| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", tree.shown(path)))?;
        contents::read(&bytes).with_context(|| format!("cannot compare {}", tree.shown(path)))
    };
    let mut lines = compare::differences(&read(&tree.object())?, &read(&built)?);
    if lines.is_empty() {
        return Ok(Verdict::Same);
    }
    lines.push(format!("the object as rebuilt: {}", tree.shown(&built)));
    Ok(Verdict::Different(lines))
}

fn rebuild() -> Result<()> {
    let tree = Tree::find()?;
    let pins = Pins::read(&tree.pins())?;
    let toolchain = Toolchain::set_up(&pins)?;
    let built = compile::compile(&tree, &pins, &toolchain)?;
    let object = fs::read(&built).with_context(|| format!("cannot read {}", tree.shown(&built)))?;
    oldest_kernel::accepts(&contents::read(&object)?)?;
    record::write(&tree, &pins, &object)?;
    eprintln!("{}: {} bytes", tree.shown(&tree.object()), object.len());
    Ok(())
}
