//! `ctwatch record` in the background, where it must be had.

use anyhow::{Result, bail};
use nix::unistd::Pid;

use super::watcher::{Running, Started, Watcher};

/// Attached.
pub(crate) struct Recorder(Running);

impl Recorder {
    /// With these options.
    pub(crate) fn start(options: &[&str], file: &str) -> Result<Self> {
        let words = [
            &["ctwatch", "record", "-d", "1d", "-f", file, "--force"],
            options,
        ]
        .concat();
        match Watcher::that_makes(file, &words).start()? {
            Started::Yes(running) => Ok(Self(running)),
            Started::No(reason) => bail!("ctwatch does not start: {reason}"),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Ends the recording in order.
    pub(crate) fn end(self) -> Result<()> {
        self.0.end()
    }
}
