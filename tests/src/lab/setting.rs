//! Settings of the kernel that a scenario changes and puts back.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use super::command;

/// A changed setting; dropped, it is as before.
pub(crate) struct Setting {
    path: PathBuf,
    before: String,
}

impl Setting {
    /// Sets a file under /proc/sys or /sys.
    pub(crate) fn set(path: &str, value: impl ToString) -> Result<Self> {
        let at = || format!("cannot set {path}");
        let before = fs::read_to_string(path).with_context(at)?;
        fs::write(path, value.to_string()).with_context(at)?;
        Ok(Self {
            path: path.into(),
            before,
        })
    }

    /// `nf_conntrack_max`, which holds for every namespace.
    pub(crate) fn max(max: u32) -> Result<Self> {
        command::run("modprobe", &["nf_conntrack"])?;
        Self::set("/proc/sys/net/netfilter/nf_conntrack_max", max)
    }

    /// Buckets of the hash table; the kernel makes them at least 512.
    pub(crate) fn buckets(buckets: u32) -> Result<Self> {
        command::run("modprobe", &["nf_conntrack"])?;
        Self::set("/sys/module/nf_conntrack/parameters/hashsize", buckets)
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // Gone with the module or namespace, if it cannot be written.
        let _ = fs::write(&self.path, self.before.trim());
    }
}
