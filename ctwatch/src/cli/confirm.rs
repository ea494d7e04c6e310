//! `ctwatch confirm`.

use anyhow::Result;

use super::{
    Global, Outcome, Output,
    last_apply::{nothing, open},
};
use crate::{
    applying::{ApplyError, clock, record::Stage},
    render::plan::said_json,
};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, global: &Global) -> Result<Outcome> {
    let (store, _lock, mut record) = open("confirm")?;
    match record.stage {
        Stage::Pending(deadline) if u128::from(deadline) > clock::since_boot().as_millis() => {}
        Stage::Pending(_) => {
            let late = "its time is over, and the rules are being taken back";
            return Err(nothing("confirm", late).into());
        }
        Stage::Confirmed => return done(global, "the rules were confirmed before"),
        Stage::Prepared | Stage::Installing => return Err(ApplyError::Half.into()),
    }
    record.stage = Stage::Confirmed;
    store.write(&record)?;
    done(
        global,
        "confirmed: the rules stay, until ctwatch rollback or a restart of the machine",
    )
}

fn done(global: &Global, sentence: &str) -> Result<Outcome> {
    super::print(&match global.output {
        Output::Json => said_json("confirmed")?,
        Output::Text => format!("{sentence}\n"),
    })?;
    Ok(Outcome::Done)
}
