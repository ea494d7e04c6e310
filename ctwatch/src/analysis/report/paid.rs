//! Who paid for a full table.

use serde::Serialize;

use super::PortReport;
use crate::{analysis::lost::Lost, model::endpoint::Family};

/// A port that lost connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paid {
    /// Namespace's inode number.
    pub netns: u32,
    /// Address family.
    pub family: Family,
    /// Protocol.
    pub protocol: String,
    /// Port.
    pub port: u16,
    /// Whether another port has the most entries in the table.
    pub bystander: bool,
    /// What it lost.
    #[serde(flatten)]
    pub lost: Lost,
}

/// Ports named at least: whoever asks for one row of each list still wants to know who paid.
const LEAST: usize = 10;

/// The `top` that lost most, but at least ten. `ports` are in order of entries.
pub(super) fn paid(ports: &[PortReport], top: usize) -> Vec<Paid> {
    let mut losers: Vec<&PortReport> = ports.iter().filter(|port| port.lost.total() > 0).collect();
    losers.sort_by_key(|port| std::cmp::Reverse(port.lost.total()));
    losers.truncate(top.max(LEAST));
    let row = |port: &PortReport| Paid {
        netns: port.netns,
        family: port.family,
        protocol: port.protocol.clone(),
        port: port.port,
        bystander: ports
            .iter()
            .find(|first| first.cookie == port.cookie && first.netns == port.netns)
            .is_some_and(|first| first.rank_entries != port.rank_entries),
        lost: port.lost,
    };
    losers.into_iter().map(row).collect()
}
