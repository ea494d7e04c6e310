//! From advice to a plan, and whether a node still is as a plan has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    analysis::advice::{Advice, PortAdvice, Verdict},
    model::{
        endpoint::Netns,
        notrack::{AcceptRule, Accepted, Direction},
        plan::{Plan, PlanBackend, PlannedPort},
        ruleset::{Content, ReadRuleset},
    },
};

mod check;
#[cfg(test)]
mod tests;

pub use check::{Found, Problem, problems};

/// What a plan says beside its ports.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When the recording ended, for people.
    pub made: Option<String>,
    /// `None`: nft, unless accept rules of iptables are needed.
    pub backend: Option<PlanBackend>,
    /// The namespace whose ports are planned.
    pub netns: Netns,
    /// Digests of its tables.
    pub rulesets: BTreeMap<String, String>,
}

/// Plans the ports of one namespace that are safe, or are once their accept rules stand. With [`PlanBackend::Nft`] those
/// that need accept rules, which stand in chains of iptables, are left out; so are always those whose accept rules would
/// stand in other people's tables of nftables.
#[must_use]
pub fn plan(advice: &Advice, rulesets: &[ReadRuleset], frame: Frame) -> Plan {
    let is_planned = |port: &&PortAdvice| {
        port.netns.inode == frame.netns.inode
            && !port.notrack.is_empty()
            && !port.accepts.iter().any(AcceptRule::is_native)
            && (port.verdict == Verdict::Safe
                || port.verdict == Verdict::NeedsAccept && frame.backend != Some(PlanBackend::Nft))
    };
    let ports = advice.ports.iter().filter(is_planned);
    let ports: Vec<PlannedPort> = ports.flat_map(|port| planned(port, rulesets)).collect();
    let needs_iptables = ports.iter().any(|port| !port.accepts.is_empty());
    Plan {
        made: frame.made,
        backend: frame.backend.unwrap_or(if needs_iptables {
            PlanBackend::Iptables
        } else {
            PlanBackend::Nft
        }),
        netns: Some(frame.netns.inode),
        rulesets: Some(frame.rulesets),
        ports,
    }
}

/// One element for each set of addresses that get the same rules.
fn planned(port: &PortAdvice, rulesets: &[ReadRuleset]) -> Vec<PlannedPort> {
    let mut directions: BTreeMap<IpAddr, BTreeSet<Direction>> = BTreeMap::new();
    for rule in &port.notrack {
        directions
            .entry(rule.address)
            .or_default()
            .insert(rule.direction);
    }
    let mut alike: BTreeMap<BTreeSet<Direction>, Vec<IpAddr>> = BTreeMap::new();
    for (address, directions) in directions {
        alike.entry(directions).or_default().push(address);
    }
    let port_of = |(directions, addresses): (BTreeSet<Direction>, Vec<IpAddr>)| {
        let concerns = |rule: &&AcceptRule| addresses.contains(&rule.packets.address());
        let accepts = port.accepts.iter().filter(concerns);
        PlannedPort {
            protocol: port.protocol,
            port: port.port,
            accepts: accepts.map(|rule| without_own(rule, rulesets)).collect(),
            directions: directions.into_iter().collect(),
            addresses,
            note: note(port),
        }
    };
    alike.into_iter().map(port_of).collect()
}

/// The same place, counted among others' rules only.
fn without_own(rule: &AcceptRule, rulesets: &[ReadRuleset]) -> AcceptRule {
    let chains = rulesets
        .iter()
        .filter_map(|ruleset| match &ruleset.content {
            Ok(Content::Xtables(ruleset)) if ruleset.family == rule.family() => {
                ruleset.chain(&rule.table, &rule.chain)
            }
            _ => None,
        });
    let own_before = |number: usize| {
        let own = |chain: &crate::model::ruleset::Chain| {
            let ahead = chain.rules.iter().take(number.saturating_sub(1));
            ahead.filter(|rule| rule.is_own()).count()
        };
        chains.map(own).next().unwrap_or(0)
    };
    AcceptRule {
        before: rule.before.map(|number| number - own_before(number)),
        ..rule.clone()
    }
}

fn note(port: &PortAdvice) -> String {
    let entries = port
        .frees_entries
        .map_or_else(|| "-".to_owned(), |count| count.to_string());
    let clients = if port
        .accepts
        .iter()
        .any(|rule| matches!(rule.packets, Accepted::Untracked(_)))
    {
        " with the accept rules below"
    } else {
        ""
    };
    format!(
        "{}{clients}; frees {entries} entries",
        port.verdict.as_str()
    )
}
