//! What an analysis elsewhere must know of the node.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::endpoint::Netns;

/// The node as it was when the recording began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Host name.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// Possible CPUs.
    pub cpus: u32,
    /// The kernel's tick rate; `None` when it could not be found out (lifetimes are unknown then).
    pub hz: Option<u32>,
    /// Sysctls by dotted name: net.netfilter.*, net.nf_conntrack_max and the TCP ones runbooks speak of.
    pub sysctls: BTreeMap<String, String>,
    /// Addresses, of every namespace that could be entered.
    pub addresses: Vec<Address>,
    /// Namespaces with the name they have under /run/netns, if any.
    pub namespaces: Vec<Namespace>,
    /// Ports the operator's own SSH sessions or daemons use: never to be untracked without being asked.
    pub control_ports: Vec<u16>,
    /// Rulesets that could be read.
    pub rulesets: Vec<RulesetText>,
    /// What was looked at and could not be read, with the reason, for people.
    pub unread: Vec<String>,
}

impl Node {
    /// The namespace that a user means by `text`: a name under /run/netns, or an inode number.
    #[must_use]
    pub fn find_netns(&self, text: &str) -> Option<Netns> {
        let all = || self.namespaces.iter();
        let named = all().find(|namespace| namespace.name.as_deref() == Some(text));
        let inode = text.parse::<u32>().ok();
        let numbered = || all().find(|namespace| Some(namespace.netns.inode) == inode);
        named.or_else(numbered).map(|namespace| namespace.netns)
    }
}

/// A namespace as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Which.
    pub netns: Netns,
    /// Name under /run/netns.
    pub name: Option<String>,
    /// Whether it is the recorder's own.
    pub own: bool,
}

/// One address of the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// Namespace that has it.
    pub netns: Netns,
    /// Interface.
    pub interface: String,
    /// Address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

/// Which program printed a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulesetKind {
    /// `iptables-save`
    IptablesSave,
    /// `ip6tables-save`
    Ip6tablesSave,
    /// `iptables-legacy-save`
    IptablesLegacySave,
    /// `ip6tables-legacy-save`
    Ip6tablesLegacySave,
    /// `nft -j list ruleset`
    NftJson,
    /// `ipvsadm -Sn`, or /proc/net/ip_vs
    IpVs,
}

/// A ruleset, word for word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesetText {
    /// Namespace it was read in.
    pub netns: Netns,
    /// Kind.
    pub kind: RulesetKind,
    /// The program's output.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_found_by_its_name_first_and_by_its_number() {
        let namespace = |inode, name: Option<&str>| Namespace {
            netns: Netns {
                cookie: u64::from(inode) + 1,
                inode,
            },
            name: name.map(str::to_owned),
            own: false,
        };
        let node = Node {
            namespaces: vec![
                namespace(7, None),
                namespace(8, Some("blue")),
                namespace(9, Some("7")),
            ],
            ..Node::default()
        };
        let found = |text| node.find_netns(text).map(|netns| netns.inode);
        assert_eq!((found("blue"), found("8")), (Some(8), Some(8)));
        assert_eq!(found("7"), Some(9), "a name");
        assert_eq!((found("10"), found("red"), found("")), (None, None, None));
    }
}
