//! `--sysctl`, which several commands take.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::source::{packed, sysctl_listing};

/// More than `sysctl -a` prints on any node.
const LIMIT: u64 = 64 << 20;

/// A listing of settings, read and not yet understood.
pub(super) struct Settings {
    path: PathBuf,
    text: String,
}

impl Settings {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            packed::read(path, LIMIT).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// Values by dotted name; what is damaged is told.
    pub(super) fn list(self) -> Result<BTreeMap<String, String>> {
        let path = self.path.display();
        let listing =
            sysctl_listing::read(&self.text).with_context(|| format!("cannot use {path}"))?;
        for damage in &listing.first_damaged {
            let sysctl_listing::Damage { line, column, text } = damage;
            noteln!("ctwatch: warning: {path}:{line}:{column}: not a setting: {text:?}");
        }
        if listing.damaged > listing.first_damaged.len() {
            noteln!(
                "ctwatch: warning: {path}: {} lines were not understood; the rest is used",
                listing.damaged
            );
        }
        Ok(listing.settings)
    }
}
