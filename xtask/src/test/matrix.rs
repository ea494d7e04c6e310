//! What works where, as a Markdown table: README's is written from it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::plan::{Extent, Way};
use super::scenarios::{HOME, Run};
use super::tally::Tally;

/// Writes it, and says where.
pub(super) fn write(runs: &[Run]) -> Result<PathBuf> {
    let path = Path::new(HOME).join("matrix.md");
    fs::create_dir_all(HOME)?;
    fs::write(&path, table(runs)).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A row a kernel, a column a way to attach, and below it what failed or was skipped, with the reasons.
fn table(runs: &[Run]) -> String {
    let mut text = String::from("| Linux | Release | kprobe | fentry |\n|---|---|---|---|\n");
    let mut kernels: Vec<_> = runs.iter().map(|run| run.guest.kernel).collect();
    kernels.dedup();
    for kernel in kernels {
        let cell = |way| {
            let run = |run: &&Run| run.guest.kernel == kernel && run.guest.way == way;
            match runs.iter().find(run) {
                Some(run) => cell(run),
                None if way.exists_on(kernel) => "-".to_owned(),
                None => "no BTF of modules".to_owned(),
            }
        };
        let release = runs.iter().filter(|run| run.guest.kernel == kernel);
        let release = release.filter_map(|run| run.release.as_deref()).next();
        let [kprobe, fentry] = Way::ALL.map(cell);
        let release = release.unwrap_or("-");
        let _ = writeln!(text, "| {kernel} | {release} | {kprobe} | {fentry} |");
    }
    for run in runs {
        remarks(&mut text, run);
    }
    text
}

fn cell(run: &Run) -> String {
    let Tally {
        passed,
        failures,
        skips,
    } = &run.step.tally;
    let mut words = vec![format!("{passed} passed")];
    for (number, word) in [(failures.len(), "failed"), (skips.len(), "skipped")] {
        if number > 0 {
            words.push(format!("{number} {word}"));
        }
    }
    let core = match run.guest.extent {
        Extent::Core => " (the core)",
        Extent::All | Extent::Probes => "",
    };
    words.join(", ") + core
}

fn remarks(text: &mut String, run: &Run) {
    let tally = &run.step.tally;
    for (word, remarks) in [("failed", &tally.failures), ("skipped", &tally.skips)] {
        for remark in remarks {
            let (test, reason) = (&remark.test, &remark.reason);
            let (kernel, way) = (run.guest.kernel, run.guest.way);
            let _ = write!(text, "\n- {kernel} by {way}: `{test}` {word}: {reason}");
        }
    }
    if !tally.failures.is_empty() || !tally.skips.is_empty() {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Guest;
    use super::super::tally::{Remark, Step};
    use super::*;
    use crate::lab::Kernel;

    fn run(kernel: Kernel, way: Way, tally: Tally) -> Run {
        Run {
            guest: Guest {
                kernel,
                way,
                extent: Extent::All,
            },
            release: Some(format!("{kernel}.0-1-cloud-amd64")),
            step: Step {
                name: String::new(),
                tally,
                seconds: 1.0,
            },
        }
    }

    #[test]
    fn a_row_tells_of_a_kernel_and_what_did_not_pass_is_below() {
        let tally = Tally {
            passed: 30,
            failures: Vec::new(),
            skips: vec![Remark::new("chains", "this kernel lets chains grow")],
        };
        let runs = [
            run(Kernel::V5_10, Way::Kprobe, tally),
            run(Kernel::V6_1, Way::Kprobe, Tally::pass()),
            run(Kernel::V6_1, Way::Fentry, Tally::failure("flood", "1")),
        ];
        let expected = "\
| Linux | Release | kprobe | fentry |
|---|---|---|---|
| 5.10 | 5.10.0-1-cloud-amd64 | 30 passed, 1 skipped | no BTF of modules |
| 6.1 | 6.1.0-1-cloud-amd64 | 1 passed | 0 passed, 1 failed |

- 5.10 by kprobe: `chains` skipped: this kernel lets chains grow

- 6.1 by fentry: `flood` failed: 1
";
        assert_eq!(table(&runs), expected);
    }
}
