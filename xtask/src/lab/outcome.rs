//! What comes of a run: lines while it lasts, then an exit status or the reason why there is none.

use std::borrow::Cow;
use std::time::Duration;

/// Where the script wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line of the script's output, as it comes.
pub(crate) struct Line<'a> {
    /// Which of the two streams.
    pub(crate) stream: Stream,
    /// The line, with its newline unless the output ended without one.
    pub(crate) bytes: &'a [u8],
}

impl Line<'_> {
    /// The line as text, without its newline.
    #[allow(dead_code, reason = "for the tasks that read what a script says")]
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes))
    }
}

/// A run that came to its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The script's exit status; 128 + N if signal N ended it.
    pub(crate) status: u8,
    /// Wall time from the start of QEMU to the end of the script, boot included.
    pub(crate) seconds: f64,
    /// All the kernel said on its console.
    pub(crate) kernel_log: String,
    /// The kernel's full version.
    pub(crate) release: String,
}

/// A run that did not.
#[derive(Debug, thiserror::Error)]
#[error("kernel {release}: {stop}")]
pub(crate) struct Stopped {
    /// The kernel's full version.
    pub(crate) release: String,
    /// Why.
    pub(crate) stop: Stop,
    /// All the kernel said on its console until then.
    pub(crate) kernel_log: String,
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The kernel panicked, hit a BUG or locked up; its own words.
    #[error("{0}")]
    Kernel(String),
    /// Nothing was heard for so long.
    #[error(
        "nothing heard for {} s, so the run was ended (a longer --timeout lets it go on)", .0.as_secs_f64()
    )]
    Silence(Duration),
    /// QEMU ended before the script did; its own words.
    #[error("the machine ended before the script did: {0}")]
    Gone(String),
}
