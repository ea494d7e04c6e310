//! `nf_conntrack_max`, which holds for every namespace and can be set in the first one alone.

use std::fs;

use anyhow::{Context, Result};

use super::{command, setting::Setting};
use crate::runner::Skip;

const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// What the limit is.
pub(crate) fn read() -> Result<u64> {
    let text = fs::read_to_string(MAX).context(MAX)?;
    text.trim().parse().context(MAX)
}

/// Makes room for so many entries in each table: the limit is left as it is where it allows that, raised in the
/// laboratory, and otherwise the scenario is skipped.
pub(crate) fn room_for(entries: u64) -> Result<Option<Setting>> {
    // In the laboratory nothing may have loaded it yet; elsewhere it may be built in.
    let _ = command::run("modprobe", &["nf_conntrack"]);
    let max = read()?;
    if max >= entries || max == 0 {
        return Ok(None);
    }
    let raised = Setting::set(MAX, entries).map_err(|error| {
        Skip(format!(
            "nf_conntrack_max is {max}, less than {entries}: {error:#}"
        ))
    })?;
    Ok(Some(raised))
}
