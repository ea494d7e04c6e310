//! UTS namespaces: each takes one of the inode numbers that all namespaces share with the entries of /proc/net, and
//! nothing else.

use std::{fs::File, os::unix::fs::MetadataExt as _, thread};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, unshare};

/// One; dropped, its number is free again.
pub(crate) struct Uts(File);

impl Uts {
    /// Makes one, which has the lowest number that is free.
    pub(crate) fn create() -> Result<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWUTS).context("cannot make a UTS namespace")?;
            let path = "/proc/thread-self/ns/uts";
            File::open(path).with_context(|| path.to_owned())
        });
        let made = made.join().map_err(|_| anyhow!("a thread panicked"))?;
        Ok(Self(made?))
    }

    /// Its inode number.
    pub(crate) fn inode(&self) -> Result<u64> {
        Ok(self
            .0
            .metadata()
            .context("cannot look at a UTS namespace")?
            .ino())
    }
}
