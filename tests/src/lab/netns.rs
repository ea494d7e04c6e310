//! Network namespaces with a name under /run/netns.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};

use super::command;

/// A namespace; dropped, it is deleted. Nothing here keeps it alive.
pub(crate) struct Netns {
    name: String,
}

impl Netns {
    /// Makes one, with `lo` up.
    pub(crate) fn create(name: &str) -> Result<Self> {
        command::run("ip", &["netns", "add", name])?;
        let netns = Self { name: name.into() };
        netns.ip("link set lo up\n")?;
        Ok(netns)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of `ip -batch` in it.
    pub(crate) fn ip(&self, batch: &str) -> Result<()> {
        command::feed("ip", &["-n", &self.name, "-batch", "-"], batch).map(drop)
    }

    /// Sets a setting under /proc/sys/net that each namespace has for itself.
    pub(crate) fn set(&self, name: &str, value: u32) -> Result<()> {
        let path = format!("/proc/sys/net/{}", name.replace('.', "/"));
        self.run(|| {
            fs::write(&path, value.to_string()).with_context(|| format!("cannot set {path}"))
        })
    }

    /// The inode number that `ls -l /run/netns` and recordings show.
    pub(crate) fn inode(&self) -> Result<u64> {
        let path = self.path();
        let metadata = fs::metadata(&path).with_context(|| path.display().to_string())?;
        Ok(metadata.ino())
    }

    /// Does `work` on a thread inside; programs that it starts are inside too.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    let file = File::open(&path)
                        .with_context(|| format!("cannot open {}", path.display()))?;
                    setns(&file, CloneFlags::CLONE_NEWNET)
                        .with_context(|| format!("cannot enter {}", path.display()))?;
                    drop(file);
                    work()
                })
                .join()
                .map_err(|_| anyhow!("a thread in namespace {} panicked", self.name))?
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // A scenario may have deleted it.
        let _ = command::run("ip", &["netns", "del", &self.name]);
    }
}
