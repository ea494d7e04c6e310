//! Tables and chains, and where in the kernel a chain is called.

use std::collections::HashMap;

use super::Rule;

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// `raw`, `mangle`, `nat`, `filter` or `security`; with nftables family and name, `inet filter`.
    pub name: String,
    chains: Vec<Chain>,
    by_name: HashMap<String, usize>,
    base: Vec<usize>,
}

impl Table {
    /// A table without chains.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Whether it is one of nftables' own.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.name.contains(' ')
    }

    /// Takes in a chain; false when there is one of that name.
    pub fn push(&mut self, chain: Chain) -> bool {
        if self.by_name.contains_key(&chain.name) {
            return false;
        }
        let at = self.chains.len();
        self.by_name.insert(chain.name.clone(), at);
        self.base.extend(chain.base.map(|_| at));
        self.chains.push(chain);
        true
    }

    /// Chains in the order they were printed.
    #[must_use]
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Chains that the kernel calls.
    pub fn base_chains(&self) -> impl Iterator<Item = (Base, &Chain)> {
        let chains = self.base.iter().filter_map(|at| self.chains.get(*at));
        chains.filter_map(|chain| Some((chain.base?, chain)))
    }

    /// A chain by name.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(*self.by_name.get(name)?)
    }

    /// A chain by name, to be added to.
    pub fn chain_mut(&mut self, name: &str) -> Option<&mut Chain> {
        self.chains.get_mut(*self.by_name.get(name)?)
    }
}

/// One chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Name.
    pub name: String,
    /// Where the kernel calls it; `None` for a chain that only rules lead to.
    pub base: Option<Base>,
    /// What happens at the end of a base chain; `None` for other chains.
    pub policy: Option<Policy>,
    /// Rules in order.
    pub rules: Vec<Rule>,
}

impl Chain {
    /// Handles of its rules, ctwatch's own left out, in order. A rule of nftables may have been read as several.
    #[must_use]
    pub fn others_handles(&self) -> Vec<u64> {
        let others = self.rules.iter().filter(|rule| !rule.is_own());
        let mut handles: Vec<u64> = others.filter_map(|rule| rule.handle).collect();
        handles.dedup();
        handles
    }
}

/// Where the kernel calls a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Whether it is asked for the first packet of a connection alone, to translate it.
    pub nat: bool,
    /// Which hook.
    pub hook: Hook,
    /// Chains of a hook are called from the lowest to the highest.
    pub priority: i32,
}

impl Base {
    /// Where the kernel calls a built-in chain of iptables (`NF_IP_PRI_*`); `None` for any other chain.
    #[must_use]
    pub fn of_xtables(table: &str, chain: &str) -> Option<Self> {
        let hook = match chain {
            "PREROUTING" => Hook::Prerouting,
            "INPUT" => Hook::Input,
            "FORWARD" => Hook::Forward,
            "OUTPUT" => Hook::Output,
            "POSTROUTING" => Hook::Postrouting,
            _ => return None,
        };
        let priority = match (table, hook) {
            ("raw", _) => -300,
            ("mangle", _) => -150,
            ("nat", Hook::Prerouting | Hook::Output) => -100,
            ("nat", _) => 100,
            ("filter", _) => 0,
            ("security", _) => 50,
            _ => return None,
        };
        Some(Self {
            nat: table == "nat",
            hook,
            priority,
        })
    }
}

/// A hook of netfilter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// What comes in, before routing.
    Prerouting,
    /// What is for the node.
    Input,
    /// What passes through.
    Forward,
    /// What the node sends.
    Output,
    /// What leaves.
    Postrouting,
    /// `ingress`, `egress`: beside a device, before and after all others.
    Device,
}

/// Policy of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `ACCEPT`
    Accept,
    /// `DROP`
    Drop,
}
