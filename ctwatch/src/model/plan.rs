//! What is to be installed on a node, as a person reads and edits it. docs/apply.md has the file.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    endpoint::{Family, Protocol},
    notrack::{AcceptRule, Direction, NotrackRule},
};

/// The version of the file that this program writes and reads.
pub const VERSION: u32 = 1;

/// What installs the rules, and so what they are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanBackend {
    /// `nft`: one table of ctwatch's own.
    Nft,
    /// `iptables-restore` and `ip6tables-restore`: chains of ctwatch's own, and a jump to each.
    Iptables,
}

impl PlanBackend {
    /// The word of the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Iptables => "iptables",
        }
    }
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When the recording ended that it was made from, for people.
    pub made: Option<String>,
    /// What installs it.
    pub backend: PlanBackend,
    /// Inode number of the network namespace it is for; `None` where that is not to be checked.
    pub netns: Option<u32>,
    /// Digests of the tables that were judged, ctwatch's own rules left out, by program and table: `iptables raw`.
    /// `None` where they are not to be checked.
    pub rulesets: Option<BTreeMap<String, String>>,
    /// Ports.
    pub ports: Vec<PlannedPort>,
}

/// A port at the addresses that get the same rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPort {
    /// Protocol, which has ports.
    pub protocol: Protocol,
    /// The service's port, from 1.
    pub port: u16,
    /// The service's addresses, at least one.
    pub addresses: Vec<IpAddr>,
    /// Packets that go untracked, at least one kind.
    pub directions: Vec<Direction>,
    /// Accept rules that have to stand before. Their numbers count others' rules only, not ctwatch's own.
    pub accepts: Vec<AcceptRule>,
    /// What was found out about it, for people.
    pub note: String,
}

impl Plan {
    /// Its NOTRACK rules, each once.
    #[must_use]
    pub fn notrack(&self) -> Vec<NotrackRule> {
        let mut rules: Vec<_> = self.ports.iter().flat_map(PlannedPort::notrack).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// Its accept rules, each once.
    #[must_use]
    pub fn accepts(&self) -> Vec<AcceptRule> {
        let mut rules: Vec<AcceptRule> = Vec::new();
        for rule in self.ports.iter().flat_map(|port| &port.accepts) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        rules
    }

    /// Address families that it has rules of.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let has = |family: &Family| self.notrack().iter().any(|rule| rule.family() == *family);
        [Family::Ipv4, Family::Ipv6]
            .into_iter()
            .filter(has)
            .collect()
    }
}

impl PlannedPort {
    /// Its NOTRACK rules.
    #[must_use]
    pub fn notrack(&self) -> Vec<NotrackRule> {
        let rule = |address, direction| NotrackRule {
            direction,
            address,
            protocol: self.protocol,
            port: self.port,
        };
        let addresses = self.addresses.iter();
        addresses
            .flat_map(|address| {
                self.directions
                    .iter()
                    .map(|direction| rule(*address, *direction))
            })
            .collect()
    }
}
