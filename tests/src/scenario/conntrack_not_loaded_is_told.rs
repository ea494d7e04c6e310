//! Where nothing is tracked there is nothing to record and no table to show, and the error says how to change that.
//! Asking does not load conntrack.

use std::path::Path;

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
    holds("no file is left", !file.exists())?;
    refusal::expect(
        &["ctwatch", "status"],
        &["conntrack is not loaded", "modprobe nf_conntrack"],
    )?;
    holds("conntrack is still not loaded", !Path::new("/sys/module/nf_conntrack").exists())
}
