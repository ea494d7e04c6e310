//! Conntrack as a module: loaded when a rule wants it, unloaded when nothing does.

use std::{fs, path::Path, thread::sleep, time::Duration};

use anyhow::Result;

use super::command;
use crate::runner::Skip;

/// What may use it; each goes once nothing uses it any more.
const USERS: &[&str] = &[
    "nft_ct",
    "nft_masq",
    "nft_nat",
    "nft_chain_nat",
    "nf_conntrack_netlink",
    "nf_nat",
    "nf_conntrack",
];

/// Unloads it; skips the scenario where something else uses it.
pub(crate) fn unload() -> Result<()> {
    let loaded = |module: &str| Path::new("/sys/module").join(module).exists();
    for _ in 0..40 {
        for module in USERS.iter().filter(|module| loaded(module)) {
            // In use, perhaps; then the next round.
            let _ = command::run("rmmod", &[module]);
        }
        if !loaded("nf_conntrack") {
            return Ok(());
        }
        sleep(Duration::from_millis(250));
    }
    let users = fs::read_to_string("/proc/modules").unwrap_or_default();
    let line = users.lines().find(|line| line.starts_with("nf_conntrack "));
    let reason = format!(
        "nf_conntrack cannot be unloaded: {}",
        line.unwrap_or("it is built in")
    );
    Err(Skip(reason).into())
}
