//! `cargo xtask vm`: the laboratory. Boots a stock Debian kernel in QEMU and runs a script inside.
//!
//! docs/laboratory.md tells how to use it. Other tasks use [`Machine`] and [`build_static`].

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

mod accel;
pub(crate) mod apt;
mod args;
mod binaries;
mod cache;
mod cpio;
mod disks;
mod emulator;
pub(crate) mod host;
mod image;
mod initramfs;
mod kernel;
mod lines;
mod machine;
mod modules;
mod outcome;
mod packages;
mod qemu;
mod scratch;
mod verdict;
mod watch;
mod wires;

pub(crate) use args::Args;
pub(crate) use binaries::{build_release, build_static};
pub(crate) use kernel::Kernel;
pub(crate) use machine::Machine;
pub(crate) use outcome::{Line, Outcome, Stopped, Stream};
pub(crate) use qemu::Cpus;

/// Exit status when the script did not get to its end: 125, which scripts hardly use themselves.
const NOT_RUN: u8 = 125;

/// Where a run by hand leaves things.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/vm");

/// Lines of the kernel log shown with a failure.
const TAIL: usize = 30;

/// ctwatch's programs: package, program. In the guest they are in /usr/local/bin.
const PROGRAMS: &[(&str, &str)] = &[("ctwatch", "ctwatch"), ("ctwatch-tests", "ctwatch-tests")];

/// Runs the task; the script's exit status becomes the command's.
pub(crate) fn run(args: &Args) -> ExitCode {
    let result = attempt(args);
    match &result {
        Ok(outcome) => keep(&outcome.kernel_log),
        Err(error) => {
            if let Some(stopped) = error.downcast_ref::<Stopped>() {
                keep(&stopped.kernel_log);
                tail(&stopped.kernel_log, TAIL).for_each(|line| eprintln!("  {line}"));
            }
        }
    }
    match result {
        Ok(Outcome {
            status,
            seconds,
            release,
            ..
        }) => {
            eprintln!("lab: exit status {status} after {seconds:.1} s on {release}");
            ExitCode::from(status)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}

/// The kernel log of the last run, for who wants to read it after.
fn keep(kernel_log: &str) {
    let home = Path::new(HOME);
    let kept =
        fs::create_dir_all(home).and_then(|()| fs::write(home.join("kernel.log"), kernel_log));
    if let Err(error) = kept {
        eprintln!(
            "lab: the kernel log is not kept: {}: {error}",
            home.display()
        );
    }
}

/// Builds ctwatch's programs and says where they belong in a guest.
pub(crate) fn programs() -> Result<Vec<(PathBuf, PathBuf)>> {
    let place = |bin: &str| PathBuf::from("/usr/local/bin").join(bin);
    PROGRAMS
        .iter()
        .map(|(package, bin)| Ok((build_static(package, bin)?, place(bin))))
        .collect()
}

fn attempt(args: &Args) -> Result<Outcome> {
    let [script, arguments @ ..] = &args.command[..] else {
        bail!("no script named")
    };
    let script = Path::new(script);
    if !script.exists() || script.is_dir() {
        bail!(
            "no script {} (a file of this machine is expected)",
            script.display()
        );
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => emptied(&Path::new(HOME).join("out"))?,
    };
    let mut machine: Machine = args.machine(out);
    // Before what the caller brings, so that he can bring another ctwatch.
    machine.payload.splice(..0, programs()?);
    machine.run(script, arguments, show)
}

/// A reader that went away is no reason to end the run.
pub(crate) fn show(line: Line) {
    let _ = match line.stream {
        Stream::Out => io::stdout()
            .write_all(line.bytes)
            .and_then(|()| io::stdout().flush()),
        Stream::Err => io::stderr().write_all(line.bytes),
    };
}

fn emptied(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    Ok(dir.to_owned())
}

fn tail(log: &str, lines: usize) -> impl Iterator<Item = &str> {
    log.lines()
        .skip(log.lines().count().saturating_sub(lines))
        .map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_of_the_log() {
        assert_eq!(tail("a\r\nb\r\nc\r\n", 2).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(tail("a", 2).collect::<Vec<_>>(), ["a"]);
    }
}
