//! Parsers against bytes that nobody wrote: each target of tests/fuzz for a bounded time, from the corpus that is checked in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};

use super::{
    cargo::is_installed,
    tally::{Remark, Tally},
};

/// The targets, a workspace of their own.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz");

/// What each target gets: seconds in all and for one input, and MiB of memory.
const LIMITS: [&str; 3] = ["-max_total_time=10", "-timeout=10", "-rss_limit_mb=1024"];

/// Checks of overflows and assertions, which a stable compiler can do; sanitizers look for what code without `unsafe`
/// does not do, and want a nightly one.
const BUILD: [&str; 3] = ["--dev", "--sanitizer", "none"];

/// Runs all targets, where cargo-fuzz is installed.
pub(super) fn run() -> Result<Tally> {
    if !is_installed("cargo-fuzz") {
        return Ok(Tally::skip(
            "cargo fuzz run",
            "cargo-fuzz is not installed (cargo install cargo-fuzz)",
        ));
    }
    let built = cargo(&["build"]).args(BUILD).status();
    let built = built.context("cannot run cargo fuzz build")?;
    ensure!(
        built.success(),
        "cargo fuzz build: {built} (the compiler's words are above)"
    );
    let mut tally = Tally::default();
    for target in targets()? {
        match run_one(&target)? {
            None => tally.passed += 1,
            Some(reason) => tally.failures.push(Remark::new(&target, reason)),
        }
    }
    Ok(tally)
}

/// Names of the targets, which are those of the corpora.
fn targets() -> Result<Vec<String>> {
    let corpus = Path::new(HOME).join("corpus");
    let mut names = Vec::new();
    for entry in
        fs::read_dir(&corpus).with_context(|| format!("cannot read {}", corpus.display()))?
    {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Why a target failed, if it did. What it finds on its way is kept beside the build, not in the corpus.
fn run_one(target: &str) -> Result<Option<String>> {
    let found: PathBuf = [HOME, "target", "found", target].iter().collect();
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let output = cargo(&["run"])
        .args(BUILD)
        .arg(target)
        .arg(&found)
        .arg(Path::new(HOME).join("corpus").join(target))
        .arg("--")
        .args(LIMITS)
        .output()
        .context("cannot run cargo fuzz run")?;
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let runs = told.lines().rfind(|line| line.starts_with("Done "));
        eprintln!("fuzz: {target}: {}", runs.unwrap_or("done"));
        return Ok(None);
    }
    eprint!("{told}");
    Ok(Some(format!(
        "{}: the input is in tests/fuzz/artifacts/{target}, its words are above",
        output.status
    )))
}

/// `cargo fuzz`. What is set for the build of ctwatch is not for that of the targets.
fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .arg("fuzz")
        .args(arguments)
        .args(["--fuzz-dir", HOME])
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS");
    command
}
