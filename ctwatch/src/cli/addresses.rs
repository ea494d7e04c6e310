//! `--addresses`, which several commands take.

use std::{net::IpAddr, path::Path};

use anyhow::{Context as _, Result};

use crate::source::{own_addresses, packed};

/// More than `ip -j addr` prints on any node.
const LIMIT: u64 = 64 << 20;

/// Addresses separated by commas, or else a file's name and text.
pub(super) enum Addresses {
    Listed(Vec<IpAddr>),
    File(String, String),
}

impl Addresses {
    pub(super) fn read(text: &str) -> Result<Self> {
        if let Some(list) = own_addresses::list(text) {
            return Ok(Self::Listed(list));
        }
        let json = packed::read(Path::new(text), LIMIT).with_context(|| {
            format!("{text} is neither a list of addresses nor a file that can be read")
        })?;
        Ok(Self::File(text.to_owned(), json))
    }

    pub(super) fn list(self) -> Result<Vec<IpAddr>> {
        match self {
            Self::Listed(list) => Ok(list),
            Self::File(name, json) => own_addresses::ip_json(&json)
                .with_context(|| format!("{name} is not the output of `ip -j addr`")),
        }
    }
}
