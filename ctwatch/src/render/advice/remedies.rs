//! Remedies as objects of the JSON document.

use serde::Serialize;

use crate::model::remedy::{Remedy, RemedyKind};

#[derive(Serialize)]
pub(super) struct RemedyObject<'a> {
    kind: RemedyKind,
    title: &'a str,
    setting: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    frees_entries: Option<u64>,
    costs_bytes: Option<u64>,
    fill_before: Option<f64>,
    fill_after: Option<f64>,
    seconds_until_full_after: Option<u64>,
    drain_seconds: Option<u64>,
    owner: Option<&'a str>,
    how: &'a str,
    persist: Option<&'a str>,
    symptom: &'a str,
    cause: &'a str,
    check: &'a str,
    basis: &'a str,
}

impl<'a> RemedyObject<'a> {
    pub(super) fn of(remedy: &'a Remedy) -> Self {
        Self {
            kind: remedy.kind,
            title: &remedy.title,
            setting: remedy.setting.as_deref(),
            from: remedy.from.as_deref(),
            to: remedy.to.as_deref(),
            frees_entries: remedy.frees_entries,
            costs_bytes: remedy.costs_bytes,
            fill_before: remedy.fill_before,
            fill_after: remedy.fill_after,
            seconds_until_full_after: remedy.until_full_after.seconds(),
            drain_seconds: remedy.drain_seconds,
            owner: remedy.owner.as_deref(),
            how: &remedy.how,
            persist: remedy.persist.as_deref(),
            symptom: &remedy.symptom,
            cause: &remedy.cause,
            check: &remedy.check,
            basis: &remedy.basis,
        }
    }
}
