//! What `ctwatch confirm` and `ctwatch rollback` are about.

use anyhow::{Context as _, Result};

use crate::{
    applying::{
        ApplyError,
        record::Record,
        store::{Lock, Store},
    },
    source::{node::netns, privilege},
};

/// The record of the last apply in the own network namespace, and the lock to change it under; `action` is what there is
/// nothing to do to where there is none.
pub(super) fn open(action: &str) -> Result<(Store, Lock, Record)> {
    privilege::check(&privilege::APPLYING)?;
    let own = netns::own().context("cannot tell the own network namespace")?;
    let store = Store::of(own.netns);
    store.make()?;
    let lock = store.lock()?;
    if let Some(record) = store.read()? {
        return Ok((store, lock, record));
    }
    let reason = store.told().map_or_else(
        || "ctwatch has applied no rules in this network namespace".to_owned(),
        |(_, reason)| format!("the rules were taken back, since {reason}"),
    );
    Err(nothing(action, &reason).into())
}

/// There is nothing to do that to.
pub(super) fn nothing(action: &str, reason: &str) -> ApplyError {
    ApplyError::Nothing(format!(
        "there is nothing to {action}: {reason} (ctwatch apply PLAN)"
    ))
}
