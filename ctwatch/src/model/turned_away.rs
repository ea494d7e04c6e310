//! Packets that a node turns away, whoever they are from: what rises when rules of advice do harm.

use serde::{Deserialize, Serialize};

/// Packets turned away since counting began, or between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// TCP resets that the node sent, and connections of its own that were reset (`Tcp: OutRsts` and `EstabResets` of
    /// /proc/net/snmp); `None` where that cannot be read.
    pub resets: Option<u64>,
    /// Packets that rules with a counter, and policies of iptables, dropped or rejected; `None` where no rules can be
    /// listed. Rules of nft without a counter are not among them.
    pub filter_drops: Option<u64>,
}

impl TurnedAway {
    /// What came since an earlier look. Where a rule and its counter went away, nothing is known.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let rise = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        Self {
            resets: rise(self.resets, earlier.resets),
            filter_drops: rise(self.filter_drops, earlier.filter_drops),
        }
    }
}

/// How much came in how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rise {
    /// Milliseconds.
    pub milliseconds: u64,
    /// Packets.
    pub packets: TurnedAway,
}
