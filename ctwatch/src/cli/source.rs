//! What to watch by, as arguments name it.

use clap::ValueEnum;

use crate::recorder::Source;

/// A source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// The best that works, which is said.
    #[default]
    Auto,
    /// Probes on the functions of nf_conntrack, by fentry and fexit: the cheapest, and none is ever skipped for ctwatch's
    /// own reading.
    Fentry,
    /// The same by kprobe and kretprobe, on any kernel.
    Kprobe,
    /// Events and dumps of ctnetlink, which need no probes and cost the node more.
    Netlink,
}

impl From<By> for Source {
    fn from(by: By) -> Self {
        match by {
            By::Auto => Self::Auto,
            By::Fentry => Self::Fentry,
            By::Kprobe => Self::Kprobe,
            By::Netlink => Self::Netlink,
        }
    }
}
