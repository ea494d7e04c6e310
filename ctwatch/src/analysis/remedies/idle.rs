//! How long entries have been idle: the timeout of their state less what is left of it.

use std::collections::BTreeMap;

use crate::{
    analysis::timeout,
    model::{endpoint::Protocol, entry::Entry, remedy::Idle, states::StateCounts, status},
};

/// Takes entries of a table that tell the time they have left, under settings of that table's namespace.
#[derive(Debug)]
pub struct IdleTimes<'a> {
    sysctls: &'a BTreeMap<String, String>,
    idle: Idle,
}

impl<'a> IdleTimes<'a> {
    /// None yet; without a setting the kernel's own value is taken for it.
    #[must_use]
    pub fn new(sysctls: &'a BTreeMap<String, String>) -> Self {
        Self {
            sysctls,
            idle: Idle::default(),
        }
    }

    /// Counts one entry; an entry that does not tell the time left counts nowhere.
    pub fn add(&mut self, entry: &Entry) {
        let state = state(entry);
        let Some(seconds) = self.seconds(entry, state) else {
            return;
        };
        self.idle.add(entry.protocol, state, seconds, 1);
    }

    /// What [`Known`](crate::model::remedy::Known) takes.
    #[must_use]
    pub fn finish(self) -> Idle {
        self.idle
    }

    fn seconds(&self, entry: &Entry, state: &str) -> Option<u32> {
        let left = u64::from(entry.timeout_seconds?);
        let assured = entry.has(status::ASSURED);
        // A UDP entry has the timeout of streams only once it is assured (nf_conntrack_udp_packet).
        let of = if entry.protocol == Protocol::UDP && !assured {
            StateCounts::UNREPLIED
        } else {
            state
        };
        let whole = timeout::seconds(entry.protocol, of, self.sysctls);
        // While data wait for their ACK, TCP's timeout is this one at most (nf_conntrack_tcp_packet): so little left
        // is that of a connection in use, and not of one that was idle for days.
        let whole = match self.unacknowledged() {
            brief if state == "ESTABLISHED" && left <= brief => whole.min(brief),
            _ => whole,
        };
        u32::try_from(whole.saturating_sub(left)).ok()
    }

    fn unacknowledged(&self) -> u64 {
        let name = |short: &str| format!("net.netfilter.nf_conntrack_tcp_timeout_{short}");
        let value = |short: &str| self.sysctls.get(&name(short))?.trim().parse().ok();
        let values = ["unacknowledged", "max_retrans"].map(|short| value(short).unwrap_or(300));
        values.into_iter().max().unwrap_or(300)
    }
}

/// As a dump counts it.
fn state(entry: &Entry) -> &str {
    match entry.state {
        Some(state) => state.name(),
        None if entry.is_replied() => StateCounts::REPLIED,
        None => StateCounts::UNREPLIED,
    }
}
