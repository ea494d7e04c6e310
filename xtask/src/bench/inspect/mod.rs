//! The analysis of a listing of a million entries, on this machine, beside what people use.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use serde::Serialize;

use super::{HOME, verdict};
use crate::lab::build_release;

mod listing;

const ENTRIES: u32 = 1_000_000;
const ROUNDS: usize = 7;

/// What the analysis may take of the runbook's time, and its memory.
const LIMIT_TIMES_RUNBOOK: f64 = 1.0 / 3.0;
const LIMIT_KIB: u64 = 64 * 1024;
/// What it should take at most of grep's time.
const AIM_TIMES_GREP: f64 = 2.0;

/// The runbook: entries by state, and UDP by address.
const RUNBOOK: &str =
    "LC_ALL=C mawk '{print $4}' \"$1\" | LC_ALL=C sort | LC_ALL=C uniq -c > /dev/null";
/// Into a pipe: with /dev/null before it, grep would end at the first match.
const GREP: &str = "LC_ALL=C grep -c 'dport=443 ' \"$1\" | cat > /dev/null";

/// Medians over the rounds.
#[derive(Serialize)]
pub(super) struct Figures {
    entries: u32,
    bytes: u64,
    inspect: Spent,
    runbook: Spent,
    grep: Spent,
    /// Medians of each round's own quotient.
    times_runbook: f64,
    times_grep: f64,
    peak_kib: u64,
}

/// Time on the clock, and of all processors together: on a busy machine the latter tells more.
#[derive(Clone, Copy, Serialize)]
struct Spent {
    wall_ms: f64,
    cpu_ms: f64,
}

/// One round, everything side by side.
struct Round {
    inspect: Spent,
    runbook: Spent,
    grep: Spent,
}

/// Writes the listing into a file, for those who want it alone.
pub(super) fn generate(path: &Path) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        listing::write(&mut out, ENTRIES)?;
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn measure() -> Result<Figures> {
    eprintln!("a listing of a million entries, on this machine");
    let program = build_release("ctwatch", "ctwatch")?;
    let path = Path::new(HOME).join("listing.txt");
    fs::create_dir_all(HOME).with_context(|| format!("cannot make {HOME}"))?;
    generate(&path)?;
    // The first round brings the file into memory, and looks at ctwatch's: looking takes time, too.
    let peak_kib = peak_kib(&mut inspect(&program, &path))?;
    round(&program, &path)?;
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| round(&program, &path))
        .collect::<Result<_>>()?;
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let spent = |of: fn(&Round) -> Spent| Spent {
        wall_ms: median(rounds.iter().map(|round| of(round).wall_ms)),
        cpu_ms: median(rounds.iter().map(|round| of(round).cpu_ms)),
    };
    Ok(Figures {
        entries: ENTRIES,
        bytes: fs::metadata(&path).map_or(0, |meta| meta.len()),
        inspect: spent(|round| round.inspect),
        runbook: spent(|round| round.runbook),
        grep: spent(|round| round.grep),
        times_runbook: of(|round| round.inspect.wall_ms / round.runbook.wall_ms),
        times_grep: of(|round| round.inspect.wall_ms / round.grep.wall_ms),
        peak_kib,
    })
}

fn round(program: &Path, path: &Path) -> Result<Round> {
    Ok(Round {
        inspect: time(&mut inspect(program, path))?,
        runbook: time(&mut shell(RUNBOOK, path))?,
        grep: time(&mut shell(GREP, path))?,
    })
}

fn inspect(program: &Path, path: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("inspect").arg(path).stdout(Stdio::null());
    command
}

fn shell(text: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text, "sh"]).arg(path);
    command
}

/// What it took.
fn time(command: &mut Command) -> Result<Spent> {
    let (began, before) = (Instant::now(), children_ms()?);
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(Spent {
        wall_ms: began.elapsed().as_secs_f64() * 1e3,
        cpu_ms: children_ms()? - before,
    })
}

/// The largest resident size that was seen.
fn peak_kib(command: &mut Command) -> Result<u64> {
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak.max(resident_kib(&child).unwrap_or(0));
        thread::sleep(Duration::from_millis(1));
    }
    Ok(peak)
}

/// Processor time of all that was started and has ended.
fn children_ms() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot ask for processor time")?;
    let microseconds =
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(microseconds as f64 / 1e3)
}

fn resident_kib(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Figures {
    pub(super) fn holds(&self) -> bool {
        self.times_runbook <= LIMIT_TIMES_RUNBOOK && self.peak_kib <= LIMIT_KIB
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "A listing of {} entries, {:.0} MB (medians of {ROUNDS} rounds)",
            self.entries,
            self.bytes as f64 / 1e6
        )?;
        let memory = format!("{:.1} MiB", self.peak_kib as f64 / 1024.0);
        let inspect = &self.inspect;
        writeln!(f, "  {:36} {inspect}  {memory:>9}", "ctwatch inspect")?;
        for (name, spent, times) in [
            (
                "mawk '{print $4}' | sort | uniq -c",
                &self.runbook,
                self.times_runbook,
            ),
            ("grep -c 'dport=443 '", &self.grep, self.times_grep),
        ] {
            writeln!(
                f,
                "  {name:36} {spent}  ctwatch takes {times:.2} of the time"
            )?;
        }
        let quick = self.times_runbook <= LIMIT_TIMES_RUNBOOK;
        let small = self.peak_kib <= LIMIT_KIB;
        let aim = if self.times_grep <= AIM_TIMES_GREP {
            "reached"
        } else {
            "not reached"
        };
        writeln!(
            f,
            "    limits a third of the runbook: {}; {} MiB: {}; aim twice grep: {aim}",
            verdict(quick),
            LIMIT_KIB / 1024,
            verdict(small)
        )
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:>6.0} ms, CPU {:>5.0} ms", self.wall_ms, self.cpu_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENT: Spent = Spent {
        wall_ms: 1.0,
        cpu_ms: 1.0,
    };

    #[test]
    fn a_listing_is_the_same_each_time_and_as_long_as_real_ones() {
        let written = || {
            let mut bytes = Vec::new();
            listing::write(&mut bytes, 5_000).map(|()| bytes)
        };
        let (Ok(one), Ok(other)) = (written(), written()) else {
            panic!("memory can be written to");
        };
        assert!(one == other);
        let average = one.len() / 5_000;
        assert!((145..=170).contains(&average), "{average}");
    }

    #[test]
    fn time_and_memory_count() {
        let figures = |times_runbook, peak_kib| Figures {
            entries: 1,
            bytes: 1,
            inspect: SPENT,
            runbook: SPENT,
            grep: SPENT,
            times_runbook,
            times_grep: 9.0,
            peak_kib,
        };
        assert!(figures(0.33, 1).holds());
        assert!(!figures(0.34, 1).holds());
        assert!(!figures(0.1, 65 * 1024).holds());
    }
}
