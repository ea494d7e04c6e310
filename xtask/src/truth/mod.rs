//! `cargo xtask advice-truth`: the verdicts of `ctwatch advise` against what NOTRACK rules do, in the laboratory.
//!
//! The set-ups are in `tests/src/truth/`; this side boots a guest, judges what it says, and writes it down.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::lab::{self, Kernel, Machine, Stream};

mod accepted;
mod finding;
mod judge;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use finding::Line;
use summary::Summary;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/truth/guest.sh");

/// Where the summary goes, and the table.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/advice-truth");

/// The page that holds the table.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/advice.md");

/// Arguments of `cargo xtask advice-truth`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernel series.
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: Kernel,
    /// Set-ups to play; all, and docs/advice.md is written, if none is named.
    names: Vec<String>,
}

/// Plays the set-ups; exit status 1 when a verdict is not borne out.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let home = Path::new(HOME);
    fs::create_dir_all(home).with_context(|| format!("cannot create {}", home.display()))?;
    let (lines, release, seconds) = played(args, home)?;
    let faults = judge::faults(&lines);
    let summary = Summary::new(&release, &lines, &faults, seconds);
    write(
        &home.join("summary.json"),
        &(serde_json::to_string_pretty(&summary)? + "\n"),
    )?;
    let table = table::markdown(&lines, &release);
    write(&home.join("table.md"), &table)?;
    if args.names.is_empty() {
        let page = Path::new(PAGE);
        let text = fs::read_to_string(page).with_context(|| PAGE.to_owned())?;
        write(page, &table::replaced(&text, &table)?)?;
    }
    Ok(told(&summary, &lines))
}

/// The guest's lines, its kernel and how long it took.
fn played(args: &Args, home: &Path) -> Result<(Vec<Line>, String, f64)> {
    let mut machine = Machine::new(args.kernel, home.join("out"));
    machine.payload = lab::programs()?;
    let (mut lines, mut strange) = (Vec::new(), None);
    let kept = home.join("findings.jsonl");
    let mut keep =
        File::create(&kept).with_context(|| format!("cannot write {}", kept.display()))?;
    let outcome = machine.run(Path::new(SCRIPT), &args.names, |line| {
        let text = line.text();
        match (line.stream, serde_json::from_str::<Line>(&text)) {
            (Stream::Out, Ok(found)) => {
                eprintln!("advice-truth: {}", progress(&found));
                // What was found stays, also when the guest does not get to its end; the summary tells of all.
                let _ = keep.write_all(line.bytes);
                lines.push(found);
            }
            (Stream::Out, Err(error)) => {
                strange.get_or_insert(format!("{error} in {text}"));
            }
            (Stream::Err, _) => eprintln!("{text}"),
        }
    })?;
    write(&home.join("kernel.log"), &outcome.kernel_log)?;
    if let Some(strange) = strange {
        bail!("the guest printed what is no finding: {strange}");
    }
    if outcome.status != 0 || lines.is_empty() {
        bail!("the guest's script ended with status {}", outcome.status);
    }
    Ok((lines, outcome.release, outcome.seconds))
}

fn progress(line: &Line) -> String {
    match line {
        Line::Failed(failure) => format!("{}: {}", failure.name, failure.error),
        Line::Played(finding) => format!(
            "{}: {}, in truth {} ({:.0} s)",
            finding.name,
            finding.verdict,
            judge::word(finding.truth),
            finding.seconds
        ),
    }
}

fn told(summary: &Summary, lines: &[Line]) -> ExitCode {
    println!(
        "{} set-ups on Linux {}: {} truly safe, {} of them advised; {} verdicts `safe`",
        summary.setups, summary.kernel, summary.truly_safe, summary.advised, summary.safe_verdicts
    );
    for name in judge::idle_acceptances(lines) {
        println!("{name}: nothing is withheld any more; take its line out of accepted.rs");
    }
    for fault in summary.faults {
        eprintln!("advice-truth: does not hold: {fault}");
    }
    println!("Findings: target/advice-truth/summary.json");
    match summary.faults {
        [] => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
