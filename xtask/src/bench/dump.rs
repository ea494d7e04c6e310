//! A dump of a million entries, on this machine, beside what else reads the table.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::verdict;
use crate::lab::build_static;

/// What a dump into the model may take of the time in which the socket is drained.
const LIMIT_TIMES: f64 = 1.2;
const LIMIT_KIB: u64 = 64 * 1024;

const DRAIN: &str = "drain";
const MODEL: &str = "model";

/// What ctwatch-bench tells.
#[derive(Deserialize)]
struct Dumps {
    entries: u32,
    tables: Vec<Rounds>,
}

#[derive(Deserialize)]
struct Rounds {
    table: String,
    ways: Vec<Readings>,
}

#[derive(Deserialize)]
struct Readings {
    way: String,
    readings: Vec<Reading>,
}

#[derive(Deserialize)]
struct Reading {
    wall_ms: f64,
    cpu_ms: f64,
    peak_kib: Option<u64>,
}

/// Medians by table and way.
#[derive(Serialize)]
pub(super) struct Figures {
    entries: u32,
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    table: String,
    ways: Vec<Way>,
}

/// A way to read the table; a program that is not installed is left out.
#[derive(Serialize)]
struct Way {
    way: String,
    rounds: usize,
    wall_ms: f64,
    cpu_ms: f64,
    /// Median over the rounds of how much longer it took than draining the socket just before.
    wall_times_drain: f64,
    cpu_times_drain: f64,
    peak_kib: Option<u64>,
}

/// `None` where it cannot be measured, which is said.
pub(super) fn measure() -> Result<Option<Figures>> {
    if !nix::unistd::geteuid().is_root() {
        println!("Dump of a million entries: skipped, since a namespace of its own needs root");
        return Ok(None);
    }
    eprintln!("a dump of a million entries, on this machine");
    let program = build_static("ctwatch-tests", "ctwatch-bench")?;
    let output = Command::new(&program)
        .arg("dump")
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("ctwatch-bench dump failed (its words are above)");
    }
    let dumps = serde_json::from_slice(&output.stdout)
        .context("ctwatch-bench dump says what this task does not expect")?;
    Figures::of(&dumps).map(Some)
}

impl Figures {
    fn of(dumps: &Dumps) -> Result<Self> {
        Ok(Self {
            entries: dumps.entries,
            tables: dumps.tables.iter().map(Table::of).collect::<Result<_>>()?,
        })
    }

    pub(super) fn holds(&self) -> bool {
        self.tables.iter().all(|table| {
            let model = table.ways.iter().find(|way| way.way == MODEL);
            model.is_some_and(|model| model.is_quick() && model.is_small())
        })
    }
}

impl Table {
    fn of(rounds: &Rounds) -> Result<Self> {
        let drain = rounds.ways.iter().find(|way| way.way == DRAIN);
        let drain = &drain.context("the socket was not drained")?.readings;
        let measured = rounds.ways.iter().filter(|way| !way.readings.is_empty());
        Ok(Self {
            table: rounds.table.clone(),
            ways: measured
                .map(|way| Way::of(way, drain))
                .collect::<Option<_>>()
                .context("no round")?,
        })
    }
}

impl Way {
    fn of(way: &Readings, drain: &[Reading]) -> Option<Self> {
        let of = |figure: fn(&Reading) -> f64| median(way.readings.iter().map(figure));
        let times = |figure: fn(&Reading) -> f64| {
            let pairs = way.readings.iter().zip(drain);
            median(pairs.map(|(one, drain)| figure(one) / figure(drain)))
        };
        Some(Self {
            way: way.way.clone(),
            rounds: way.readings.len(),
            wall_ms: of(|one| one.wall_ms)?,
            cpu_ms: of(|one| one.cpu_ms)?,
            wall_times_drain: times(|one| one.wall_ms)?,
            cpu_times_drain: times(|one| one.cpu_ms)?,
            peak_kib: way.readings.iter().filter_map(|one| one.peak_kib).max(),
        })
    }

    fn is_quick(&self) -> bool {
        self.wall_times_drain <= LIMIT_TIMES && self.cpu_times_drain <= LIMIT_TIMES
    }

    fn is_small(&self) -> bool {
        self.peak_kib.is_some_and(|kib| kib <= LIMIT_KIB)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "A table of {} entries, read (medians)", self.entries)?;
        for table in &self.tables {
            writeln!(
                f,
                "{:38} {:>8} {:>8} {:>8} {:>8} {:>9}",
                table.table, "wall", "x drain", "CPU", "x drain", "memory"
            )?;
            for way in &table.ways {
                write!(f, "{way}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let memory = self.peak_kib.map_or("-".to_owned(), |kib| {
            format!("{:.1} MiB", kib as f64 / 1024.0)
        });
        writeln!(
            f,
            "  {:36} {:>6.2} s {:>8.3} {:>6.2} s {:>8.3} {:>9}",
            self.way,
            self.wall_ms / 1e3,
            self.wall_times_drain,
            self.cpu_ms / 1e3,
            self.cpu_times_drain,
            memory
        )?;
        if self.way == MODEL {
            writeln!(
                f,
                "    limits {LIMIT_TIMES} x drain: {}; {} MiB: {}",
                verdict(self.is_quick()),
                LIMIT_KIB / 1024,
                verdict(self.is_small())
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    fn figures(drain: [f64; 3], model: [f64; 3], peak_kib: u64) -> Figures {
        let readings = |way: &str, cpu: [f64; 3], peak_kib| Readings {
            way: way.into(),
            readings: cpu
                .map(|cpu_ms| Reading {
                    wall_ms: 100.0,
                    cpu_ms,
                    peak_kib,
                })
                .into(),
        };
        let missing = Readings {
            way: "conntrack -L".into(),
            readings: Vec::new(),
        };
        let ways = vec![
            readings(DRAIN, drain, None),
            readings(MODEL, model, Some(peak_kib)),
            missing,
        ];
        let table = "some".into();
        Figures::of(&Dumps {
            entries: 1,
            tables: vec![Rounds { table, ways }],
        })
        .unwrap()
    }

    #[test]
    fn a_round_is_compared_with_the_drain_beside_it() {
        let slower_and_slower = figures([100.0, 200.0, 300.0], [110.0, 230.0, 900.0], 1);
        let model = &slower_and_slower.tables[0].ways[1];
        assert!((model.cpu_times_drain - 1.15).abs() < 1e-9);
        assert!(slower_and_slower.holds());
        assert!(!figures([100.0; 3], [121.0; 3], 1).holds());
    }

    #[test]
    fn memory_counts_and_a_missing_program_does_not() {
        let large = figures([1.0; 3], [1.0; 3], 65 * 1024);
        assert!(!large.holds());
        assert_eq!(large.tables[0].ways.len(), 2);
    }
}
