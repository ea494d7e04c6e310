//! Reading something else than a recording, or one of a newer ctwatch, is one plain error.

use std::fs;

use anyhow::Result;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::lab::{
    command,
    recorder::Recorder,
    refusal,
};

pub(crate) fn run() -> Result<()> {
    command::run("modprobe", &["nf_conntrack"])?;
    let dir = TempDir::new()?;
    let name = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    fs::write(name("text"), "tcp 6 431999 ESTABLISHED src=192.0.2.1\n")?;
    fs::write(name("empty"), "")?;
    Connection::open(name("other"))?.execute_batch("CREATE TABLE t (c)")?;
    let recorder = Recorder::start(&[])?;
    let file = recorder.file();
    let recording = recorder.stop()?;
    fs::copy(&file, name("newer"))?;
    drop(recording);
    Connection::open(name("newer"))?.pragma_update(None, "user_version", 999)?;
    for (file, words) in [
        ("text", "is not a recording"),
        ("empty", "is not a recording"),
        ("other", "is not a recording"),
        ("newer", "use a newer ctwatch"),
        ("absent", "no such file"),
    ] {
        for verb in ["report", "advise"] {
            refusal::expect(&["ctwatch", verb, &name(file)], &[words, &name(file)])?;
        }
    }
    Ok(())
}
