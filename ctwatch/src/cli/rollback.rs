//! `ctwatch rollback`.

use anyhow::Result;

use super::{Global, Outcome, Output, last_apply::open};
use crate::{applying::install, render::plan::said_json};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, global: &Global) -> Result<Outcome> {
    let (store, _lock, record) = open("take back")?;
    install::undo(&record.change)?;
    let count = record.change.count();
    store.tell(&record.id, "ctwatch rollback was asked for")?;
    store.pop(record)?;
    super::print(&match global.output {
        Output::Json => said_json("rolled-back")?,
        Output::Text => format!("taken back: {count} rules, as they were before the last apply\n"),
    })?;
    Ok(Outcome::Done)
}
