//! `nf_conntrack_max`, raised for a time.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Puts the limit back when its standard input ends, unless somebody else has changed it since.
const GUARD: &str = r#"trap '' INT TERM HUP; cat; test "$(cat "$1")" != "$2" || echo "$3" >"$1""#;

/// The limit is raised; it is put back when this is dropped, and also when this process is killed.
pub(crate) struct Raised(Option<Child>);

impl Raised {
    /// At least this; a limit that is higher stays. The limit holds for all namespaces and is written in the first.
    pub(crate) fn to(entries: u32) -> Result<Self> {
        let before = fs::read_to_string(MAX).with_context(|| format!("cannot read {MAX}"))?;
        let before: u32 = before.trim().parse()?;
        if before >= entries {
            return Ok(Self(None));
        }
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh", MAX])
            .args([entries.to_string(), before.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot run sh")?;
        let raised = Self(Some(guard));
        fs::write(MAX, entries.to_string()).with_context(|| format!("cannot write {MAX}"))?;
        Ok(raised)
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(mut guard) = self.0.take() {
            drop(guard.stdin.take());
            // It has ended, or cannot be waited for.
            let _ = guard.wait();
        }
    }
}
