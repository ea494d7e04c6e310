//! Where nothing is tracked there is nothing to record, and the error says how to change that.

use anyhow::Result;
use tempfile::TempDir;

use crate::lab::{check::holds, module, refusal};

pub(crate) fn run() -> Result<()> {
    module::unload()?;
    let dir = TempDir::new()?;
    let file = dir.path().join("ctwatch.db");
    let name = file.to_string_lossy();
    refusal::expect(
        &["ctwatch", "record", "-d", "1s", "-f", &name],
        &["cannot attach to nf_conntrack: module not loaded", "modprobe nf_conntrack"],
    )?;
    holds("no file is left", !file.exists())
}
