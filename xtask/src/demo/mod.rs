//! `cargo xtask demo`: an ingress node drowns in its own conntrack table, is looked at, and recovers, in the laboratory.
//!
//! `guest/demo.sh` plays it on the node and leaves what it measured in /out; this side builds, boots, checks and sums up.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::lab::{self, Kernel, Machine};

mod checks;
mod facts;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use facts::Facts;
use summary::{Seconds, Summary};

/// What happens on the node; `demo.sh` is where it begins.
const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/guest");

/// Where the summary goes, beside what the node left.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/demo");

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernel series.
    #[arg(long, value_enum, default_value = "6.1")]
    kernel: Kernel,
}

/// Runs the demonstration; exit status 1 when something it claims does not hold.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let started = Instant::now();
    let home = Path::new(HOME);
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", home.display()));
        }
        _ => fs::create_dir_all(home)?,
    }
    println!(
        "Building ctwatch and booting a node with Linux {} (the first time takes minutes) …",
        args.kernel
    );
    let outcome =
        machine(args.kernel, home)?.run(&Path::new(GUEST).join("demo.sh"), &[], lab::show)?;
    fs::write(home.join("kernel.log"), &outcome.kernel_log)?;
    if outcome.status != 0 {
        bail!(
            "the node's script ended with status {} (target/demo/kernel.log has the kernel's messages)",
            outcome.status
        );
    }
    let whole = started.elapsed().as_secs_f64();
    let seconds = Seconds {
        build: whole - outcome.seconds,
        run: outcome.seconds,
    };
    judge(&Facts::read(home)?, outcome.release, seconds, home)
}

fn machine(kernel: Kernel, home: &Path) -> Result<Machine> {
    let mut machine = Machine::new(kernel, home.to_owned());
    // A wait of minutes would mean that the node hangs.
    machine.timeout = Duration::from_secs(120);
    machine.payload = vec![
        (
            lab::build_static("ctwatch", "ctwatch")?,
            PathBuf::from("/usr/local/bin/ctwatch"),
        ),
        (
            Path::new(GUEST).join("load.sh"),
            PathBuf::from("/usr/local/bin/load"),
        ),
        (PathBuf::from(GUEST), PathBuf::from("/root/demo")),
    ];
    Ok(machine)
}

fn judge(facts: &Facts, kernel: String, seconds: Seconds, home: &Path) -> Result<ExitCode> {
    let summary = Summary::new(facts, kernel, seconds);
    let file = home.join("summary.json");
    let json = serde_json::to_string_pretty(&summary)? + "\n";
    fs::write(&file, json).with_context(|| format!("cannot write {}", file.display()))?;
    table::print(facts, &summary, &mut io::stdout())?;
    let broken = checks::broken(facts, &summary);
    if broken.is_empty() {
        println!("\nAll of it holds. Figures: target/demo/summary.json");
        return Ok(ExitCode::SUCCESS);
    }
    for claim in broken {
        eprintln!("demo: does not hold: {claim}");
    }
    Ok(ExitCode::FAILURE)
}
