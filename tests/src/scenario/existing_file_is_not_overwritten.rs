//! A file that is there stays as it is, unless `--force` says otherwise.

use std::fs;

use anyhow::Result;
use tempfile::TempDir;

use crate::lab::{check::equal, command, refusal};

pub(crate) fn run() -> Result<()> {
    command::run("modprobe", &["nf_conntrack"])?;
    let dir = TempDir::new()?;
    let file = dir.path().join("ctwatch.db");
    let name = file.to_string_lossy();
    fs::write(&file, "precious")?;
    let record = ["ctwatch", "record", "-d", "300ms", "-f", &name];
    refusal::expect(&record, &["exists already", "--force", &name])?;
    equal("the file", fs::read_to_string(&file)?, "precious".to_owned())?;
    command::run("ctwatch", &["record", "-d", "300ms", "--force", "-f", &name])?;
    command::run("ctwatch", &["report", &name]).map(drop)
}
