//! What watching costs whoever uses the node: instructions by condition, the least of all rounds and boots.
//! `rounds` is what the guest tells, `figures` and `full` what is made of it, `limits` judges, `table` prints.

use anyhow::Result;

use super::guest::Program;

mod figure;
mod figures;
mod full;
mod limits;
mod rounds;
mod table;
#[cfg(test)]
mod tests;

pub(super) use figures::Figures;

use rounds::Boot;

/// Conditions as the guest names them.
const TRACKED: &str = "tracked";
/// Shows that nothing is left behind, and how far apart two measurements of the same are.
const ENDED: &str = "tracked again";

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Only what changes with the kernel programs.
    Quick,
}

/// Boots so many times.
pub(super) fn measure(program: &Program, extent: Extent, boots: u32) -> Result<Figures> {
    let arguments: &[&str] = match extent {
        Extent::Whole => &[],
        Extent::Quick => &["--quick"],
    };
    let mut done = Vec::new();
    let mut kernel = String::new();
    for boot in 1..=boots {
        eprintln!("costs of watching, boot {boot} of {boots}");
        let (result, release) = program.run_with::<Boot>("costs", arguments)?;
        done.push(result);
        kernel = release;
    }
    Figures::of(&done, kernel)
}
