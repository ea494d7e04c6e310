//! `ctwatch rollback`.

use anyhow::{Context as _, Result};

use super::{Global, Outcome, Output};
use crate::{
    applying::{ApplyError, install, store::Store},
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
    let Some(record) = store.read()? else {
        let reason = store.told().map_or_else(
            || "ctwatch has applied no rules in this network namespace".to_owned(),
            |(_, reason)| format!("the rules were taken back already, since {reason}"),
        );
        return Err(ApplyError::Nothing(format!("there is nothing to take back: {reason}")).into());
    };
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
