//! `cargo xtask bench`: what ctwatch costs. docs/performance.md explains the figures.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

mod costs;
mod dump;
mod fallback;
mod guest;
mod idle;
mod listeners;
mod recorder;
mod walk;

/// Where the figures go.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench");

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure this part only.
    part: Option<Part>,
    /// Boots for the costs of the probes; their spread is told.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    boots: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Instructions of probes and recorder, counted in the laboratory.
    Lab,
    /// Time of a walk over the counters, of a dump of a million entries and on an idle node: on this machine, as root.
    Native,
}

/// All figures; a part that was not measured is null.
#[derive(Default, Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    costs: Option<costs::Figures>,
    listeners: Option<listeners::Figures>,
    fallback: Option<fallback::Figures>,
    idle: Option<idle::Figures>,
    idle_native: Option<idle::Figures>,
    recorder: Option<recorder::Figures>,
    walk: Option<walk::Figures>,
    dump: Option<dump::Figures>,
}

/// Measures, prints, and writes `target/bench/summary.json`. The exit status is 1 when a limit does not hold.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut summary = Summary::default();
    if args.part != Some(Part::Native) {
        let program = guest::Program::build()?;
        let (costs, kernel) = costs::measure(&program, args.boots)?;
        println!("{costs}");
        let listeners = listeners::measure(&program)?;
        println!("{listeners}");
        summary.listeners = Some(listeners);
        let fallback = fallback::measure(&program)?;
        println!("{fallback}");
        summary.fallback = Some(fallback);
        let idle = idle::count(&program)?;
        println!("{idle}");
        summary.idle = Some(idle);
        let recorder = recorder::measure(&program)?;
        println!("{recorder}");
        summary.kernel = Some(kernel);
        summary.costs = Some(costs);
        summary.recorder = Some(recorder);
    }
    if args.part != Some(Part::Lab) {
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
    let path = Path::new(HOME).join("summary.json");
    fs::create_dir_all(HOME)
        .and_then(|()| fs::write(&path, serde_json::to_vec_pretty(&summary)?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let holds = summary.recorder.is_none_or(|recorder| recorder.holds())
        && summary.walk.is_none_or(|walk| walk.holds())
        && summary.dump.is_none_or(|dump| dump.holds())
        && summary.idle.is_none_or(|idle| idle.holds())
        && summary.idle_native.is_none_or(|idle| idle.holds());
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How a limit compares with what was measured.
fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}
