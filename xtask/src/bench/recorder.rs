//! What the recorder takes while 65,535 endpoints are in use.

use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guest::Program;
use super::verdict;

/// One per cent of a core, if an instruction took a nanosecond; processors of today are several times faster.
const LIMIT_PERCENT: f64 = 1.0;
const LIMIT_KIB: u64 = 64 * 1024;
const SECOND: f64 = 1e9;

/// What the guest tells.
#[derive(Deserialize)]
struct Took {
    endpoints: u32,
    flows_a_second: u32,
    entries: u64,
    seconds: Vec<u64>,
    sweep_ns: u64,
    hwm_after_sweep_kib: u64,
    hwm_kib: u64,
    rss_kib: u64,
    anonymous_kib: u64,
    pss_kib: u64,
}

/// CPU time and memory of the recorder.
#[derive(Serialize)]
pub(super) struct Figures {
    endpoints: u32,
    flows_a_second: u32,
    entries: u64,
    seconds: usize,
    /// Instructions of a second without a dump (the median).
    instructions_a_second: u64,
    /// Per cent of 10^9 instructions a second: without dumps, and over all seconds.
    percent: f64,
    percent_with_dumps: f64,
    /// Instructions of the ten seconds in which all endpoints appeared.
    instructions_of_sweep: u64,
    memory_peak_of_sweep_kib: u64,
    memory_peak_kib: u64,
    memory_kib: u64,
    memory_anonymous_kib: u64,
    memory_proportional_kib: u64,
}

/// Boots once.
pub(super) fn measure(program: &Program) -> Result<Figures> {
    eprintln!("costs of the recorder");
    let (took, _) = program.run("recorder")?;
    Figures::of(took)
}

impl Figures {
    fn of(mut took: Took) -> Result<Self> {
        took.seconds.sort_unstable();
        let seconds = took.seconds.len();
        let median = *took.seconds.get(seconds / 2).context("no second")?;
        let mean = took.seconds.iter().sum::<u64>() as f64 / seconds as f64;
        Ok(Self {
            endpoints: took.endpoints,
            flows_a_second: took.flows_a_second,
            entries: took.entries,
            seconds,
            instructions_a_second: median,
            percent: median as f64 / SECOND * 100.0,
            percent_with_dumps: mean / SECOND * 100.0,
            instructions_of_sweep: took.sweep_ns,
            memory_peak_of_sweep_kib: took.hwm_after_sweep_kib,
            memory_peak_kib: took.hwm_kib,
            memory_kib: took.rss_kib,
            memory_anonymous_kib: took.anonymous_kib,
            memory_proportional_kib: took.pss_kib,
        })
    }

    fn cpu_holds(&self) -> bool {
        self.percent_with_dumps <= LIMIT_PERCENT
    }

    fn memory_holds(&self) -> bool {
        self.memory_peak_kib <= LIMIT_KIB
    }

    pub(super) fn holds(&self) -> bool {
        self.cpu_holds() && self.memory_holds()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "Recorder, {} endpoints, {} flows begin and end each second, {} entries at the end, {} s",
            self.endpoints, self.flows_a_second, self.entries, self.seconds
        )?;
        writeln!(
            f,
            "  {:.1} million instructions a second: {:.2} % of a core at 10^9 a second; with dumps {:.2} % (limit {LIMIT_PERCENT} %: {})",
            self.instructions_a_second as f64 / 1e6,
            self.percent,
            self.percent_with_dumps,
            verdict(self.cpu_holds())
        )?;
        writeln!(
            f,
            "  all endpoints appearing at once: {:.0} million instructions",
            self.instructions_of_sweep as f64 / 1e6
        )?;
        let mib = |kib: u64| kib as f64 / 1024.0;
        writeln!(
            f,
            "  memory: at most {:.1} MiB when all endpoints appear, {:.1} MiB in all (limit {} MiB: {}); at the end {:.1} MiB, {:.1} MiB of it anonymous",
            mib(self.memory_peak_of_sweep_kib),
            mib(self.memory_peak_kib),
            LIMIT_KIB / 1024,
            verdict(self.memory_holds()),
            mib(self.memory_kib),
            mib(self.memory_anonymous_kib),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    fn took(seconds: Vec<u64>, hwm_kib: u64) -> Took {
        Took {
            endpoints: 65_535,
            flows_a_second: 150,
            entries: 70_000,
            seconds,
            sweep_ns: 0,
            hwm_after_sweep_kib: 0,
            hwm_kib,
            rss_kib: 0,
            anonymous_kib: 0,
            pss_kib: 0,
        }
    }

    #[test]
    fn dumps_count_for_the_limit() {
        let figures = Figures::of(took(
            vec![5_000_000, 5_000_000, 5_000_000, 500_000_000],
            1024,
        ))
        .unwrap();
        assert_eq!(figures.instructions_a_second, 5_000_000);
        assert!(!figures.holds());
        assert!(Figures::of(took(vec![5_000_000; 4], 1024)).unwrap().holds());
    }

    #[test]
    fn the_peak_of_memory_counts() {
        assert!(!Figures::of(took(vec![1], 65 * 1024)).unwrap().holds());
        assert!(Figures::of(took(Vec::new(), 0)).is_err());
    }
}
