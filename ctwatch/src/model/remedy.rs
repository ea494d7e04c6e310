//! Remedies for a table that fills, each with its price.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    doctor::facts::{Assignment, Program},
    endpoint::Protocol,
};

/// What has to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyKind {
    /// A port's packets go untracked.
    Notrack,
    /// A timeout of conntrack.
    Timeout,
    /// `nf_conntrack_max`, and the hash with it.
    Max,
    /// The number of hash buckets alone.
    Hashsize,
    /// Another sysctl.
    Sysctl,
    /// Rules that answer or limit a flood.
    Flood,
    /// IPVS.
    Ipvs,
    /// A program: the service, its clients, whoever asks for its health.
    Application,
}

impl RemedyKind {
    /// The word of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notrack => "notrack",
            Self::Timeout => "timeout",
            Self::Max => "max",
            Self::Hashsize => "hashsize",
            Self::Sysctl => "sysctl",
            Self::Flood => "flood",
            Self::Ipvs => "ipvs",
            Self::Application => "application",
        }
    }
}

/// When a table will be full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UntilFull {
    /// Too little is known.
    Unknown,
    /// It does not grow.
    Never,
    /// In so many seconds, at the earliest.
    Seconds(u64),
}

impl UntilFull {
    /// `None` for unknown and never.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Unknown | Self::Never => None,
        }
    }
}

/// One remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// Kind.
    pub kind: RemedyKind,
    /// What is changed, for people.
    pub title: String,
    /// The setting by dotted name.
    pub setting: Option<String>,
    /// Its value.
    pub from: Option<String>,
    /// The value it should have.
    pub to: Option<String>,
    /// What people notice.
    pub symptom: String,
    /// Why it is so.
    pub cause: String,
    /// The command, or the place, that shows it.
    pub check: String,
    /// Who sets it: whoever is not told will set it back.
    pub owner: Option<String>,
    /// What to do.
    pub how: String,
    /// The form that survives a restart.
    pub persist: Option<String>,
    /// Where the figures come from, or why there are none.
    pub basis: String,
    /// Entries fewer once it has taken effect; `None` where nothing tells.
    pub frees_entries: Option<u64>,
    /// Seconds until then, at most; `None` where it is at once, or not known.
    pub drain_seconds: Option<u64>,
    /// Memory it takes, in bytes.
    pub costs_bytes: Option<u64>,
    /// Entries over limit now, 0 to 1.
    pub fill_before: Option<f64>,
    /// Entries over limit afterwards.
    pub fill_after: Option<f64>,
    /// When the table will be full afterwards.
    pub until_full_after: UntilFull,
}

/// How long entries have been idle, by protocol and state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Idle(BTreeMap<(Protocol, String), BTreeMap<u32, u64>>);

impl Idle {
    /// Counts entries that have been idle for so many seconds.
    pub fn add(&mut self, protocol: Protocol, state: &str, seconds: u32, entries: u64) {
        let of_state = self.0.entry((protocol, state.to_owned())).or_default();
        *of_state.entry(seconds).or_default() += entries;
    }

    /// Entries of a state that have been idle for longer; `None` where nothing is known of the state.
    #[must_use]
    pub fn longer_than(&self, protocol: Protocol, state: &str, seconds: u32) -> Option<u64> {
        let of_state = self.0.get(&(protocol, state.to_owned()))?;
        let longer = of_state.range(seconds.checked_add(1)?..);
        Some(longer.map(|(_, entries)| entries).sum())
    }
}

/// What is known of the node beside a recording; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Programs that set conntrack's settings; `None` where nobody looked.
    pub programs: Option<Vec<Program>>,
    /// What configuration files say.
    pub assignments: Vec<Assignment>,
    /// The node's memory, in bytes.
    pub memory: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_times_are_counted_by_state() {
        let mut idle = Idle::default();
        for (seconds, entries) in [(10, 3), (60, 4), (61, 5), (u32::MAX, 1)] {
            idle.add(Protocol::TCP, "CLOSE_WAIT", seconds, entries);
        }
        let longer = |seconds| idle.longer_than(Protocol::TCP, "CLOSE_WAIT", seconds);
        assert_eq!(
            (longer(0), longer(60), longer(61)),
            (Some(13), Some(6), Some(1))
        );
        assert_eq!(longer(u32::MAX), None);
        assert_eq!(idle.longer_than(Protocol::TCP, "TIME_WAIT", 0), None);
        assert_eq!(idle.longer_than(Protocol::UDP, "CLOSE_WAIT", 0), None);
    }
}
