//! `ctwatch confirm`.

use anyhow::{Context as _, Result};

use super::{Global, Outcome, Output};
use crate::{
    applying::{ApplyError, clock, record::Stage, store::Store},
    render::plan::said_json,
    source::{node::netns, privilege},
};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, global: &Global) -> Result<Outcome> {
    privilege::check(&privilege::APPLYING)?;
    let own = netns::own().context("cannot tell the own network namespace")?;
    let store = Store::of(own.netns);
    store.make()?;
    let _lock = store.lock()?;
    let nothing =
        |reason: String| ApplyError::Nothing(format!("there is nothing to confirm: {reason}"));
    let Some(mut record) = store.read()? else {
        let told = store.told().map_or_else(
            || {
                "no rules of ctwatch wait for it in this network namespace (ctwatch apply PLAN)"
                    .to_owned()
            },
            |(_, reason)| format!("the rules were taken back, since {reason} (ctwatch apply PLAN)"),
        );
        return Err(nothing(told).into());
    };
    match record.stage {
        Stage::Pending(deadline) if u128::from(deadline) > clock::since_boot().as_millis() => {}
        Stage::Pending(_) => {
            return Err(
                nothing("its time is over, and the rules are being taken back".to_owned()).into(),
            );
        }
        Stage::Confirmed => return done(global, "the rules were confirmed before"),
        Stage::Prepared | Stage::Installing => {
            return Err(nothing(
                "the rules were not installed wholly (ctwatch rollback)".to_owned(),
            )
            .into());
        }
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
