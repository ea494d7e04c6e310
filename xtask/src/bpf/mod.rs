//! `cargo xtask bpf`: the kernel object that is checked in, rebuilt.

use anyhow::Result;

mod cache;
mod command;
mod compile;
#[path = "../../../ctwatch/build/digest.rs"]
mod digest;
mod linker;
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
pub(crate) struct Args {}

/// Runs the task.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let tree = Tree::find()?;
    let pins = Pins::read(&tree.pins())?;
    let toolchain = Toolchain::set_up(&pins)?;
    let built = compile::compile(&tree, &pins, &toolchain)?;
    let object = std::fs::read(&built)?;
    record::write(&tree, &pins, &object)?;
    eprintln!("{}: {} bytes", tree.shown(&tree.object()), object.len());
    Ok(())
}
