//! `cargo xtask bench`: what ctwatch costs. docs/performance.md explains the figures.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::lab::Kernel;
use costs::Extent;

mod costs;
mod dump;
mod fallback;
mod guest;
mod idle;
mod inspect;
mod recorder;
mod walk;

/// Where the figures go.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench");

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure this part only.
    part: Option<Part>,
    /// Boots for the costs of watching; their spread is told [default: 2; for `costs` 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20))]
    boots: Option<u32>,
    /// With `costs`: peers and a full table, too.
    #[arg(long)]
    all: bool,
    /// Kernel of the laboratory.
    #[arg(long, value_enum, default_value = "6.1")]
    kernel: Kernel,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Instructions that watching adds to flows and connections, quickly, beside the programs' own: for whoever makes
    /// them cheaper. Goes to `target/bench/costs.json`.
    Costs,
    /// All that is counted in the laboratory, in instructions.
    Lab,
    /// Time of a walk over the counters, of a dump of a million entries and on an idle node: on this machine, as root.
    Native,
    /// Time of the analysis of a listing of a million entries, beside awk, sort and grep: on this machine. Leaves
    /// the listing in `target/bench/listing.txt`.
    Inspect,
}

/// All figures; a part that was not measured is null.
#[derive(Default, Serialize)]
struct Summary {
    /// Whether all limits hold of what was measured.
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    costs: Option<costs::Figures>,
    fallback: Option<fallback::Figures>,
    idle: Option<idle::Figures>,
    idle_native: Option<idle::Figures>,
    recorder: Option<recorder::Figures>,
    walk: Option<walk::Figures>,
    dump: Option<dump::Figures>,
    inspect: Option<inspect::Figures>,
}

impl Summary {
    fn judge(&self) -> bool {
        self.costs.as_ref().is_none_or(costs::Figures::holds)
            && self.recorder.as_ref().is_none_or(recorder::Figures::holds)
            && self.walk.as_ref().is_none_or(walk::Figures::holds)
            && self.dump.as_ref().is_none_or(dump::Figures::holds)
            && self.inspect.as_ref().is_none_or(inspect::Figures::holds)
            && self.idle.as_ref().is_none_or(idle::Figures::holds)
            && self.idle_native.as_ref().is_none_or(idle::Figures::holds)
    }
}

/// Measures, prints, and writes `target/bench/summary.json`. The exit status is 1 when a limit does not hold.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.part == Some(Part::Costs) {
        return quick(args);
    }
    let mut summary = Summary::default();
    if matches!(args.part, None | Some(Part::Lab)) {
        let program = guest::Program::build(args.kernel)?;
        let costs = costs::measure(&program, Extent::Whole, args.boots.unwrap_or(2))?;
        println!("{costs}");
        let fallback = fallback::measure(&program)?;
        println!("{fallback}");
        summary.fallback = Some(fallback);
        let idle = idle::count(&program)?;
        println!("{idle}");
        summary.idle = Some(idle);
        let recorder = recorder::measure(&program)?;
        println!("{recorder}");
        summary.kernel = Some(costs.kernel().to_owned());
        summary.costs = Some(costs);
        summary.recorder = Some(recorder);
    }
    if matches!(args.part, None | Some(Part::Native)) {
        let walk = walk::measure()?;
        println!("{walk}");
        summary.walk = Some(walk);
        summary.dump = dump::measure()?;
        if let Some(dump) = &summary.dump {
            println!("{dump}");
        }
        summary.idle_native = idle::time()?;
        if let Some(idle) = &summary.idle_native {
            println!("{idle}");
        }
    }
    if matches!(args.part, None | Some(Part::Inspect)) {
        let inspect = inspect::measure()?;
        println!("{inspect}");
        summary.inspect = Some(inspect);
    }
    summary.holds = summary.judge();
    write("summary.json", &summary)?;
    Ok(status(summary.holds))
}

/// The costs alone.
fn quick(args: &Args) -> Result<ExitCode> {
    let program = guest::Program::build(args.kernel)?;
    let extent = if args.all {
        Extent::Whole
    } else {
        Extent::Quick
    };
    let costs = costs::measure(&program, extent, args.boots.unwrap_or(1))?;
    println!("{costs}");
    write("costs.json", &costs)?;
    Ok(status(costs.holds()))
}

fn write(name: &str, figures: &impl Serialize) -> Result<()> {
    let path = Path::new(HOME).join(name);
    fs::create_dir_all(HOME)
        .and_then(|()| fs::write(&path, serde_json::to_vec_pretty(figures)?))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn status(holds: bool) -> ExitCode {
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How a limit compares with what was measured.
fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}
