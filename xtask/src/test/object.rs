//! The kernel object that is checked in, against its sources.

use anyhow::Result;

use super::tally::Tally;
use crate::bpf::{self, Verdict};

const TEST: &str = "cargo xtask bpf --check";

/// Rebuilds the kernel side and compares code and maps.
pub(super) fn check() -> Result<Tally> {
    Ok(match bpf::check()? {
        Verdict::Same => Tally::pass(),
        Verdict::Different(lines) => Tally::failure(TEST, lines.join("\n")),
        Verdict::Skipped(reason) => Tally::skip(TEST, reason),
    })
}
