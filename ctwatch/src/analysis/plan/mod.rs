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
        ruleset::{Chain, Content, ReadRuleset},
    },
};

mod check;
mod renew;
#[cfg(test)]
mod tests;

pub use check::{Changed, Found, Problem, changed, problems};
pub use renew::{Stale, Why, renew};

/// What a plan says beside its ports.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When the recording ended, for people.
    pub made: Option<String>,
    /// `None`: nft, unless accept rules in chains of iptables are needed.
    pub backend: Option<PlanBackend>,
    /// The namespace whose ports are planned.
    pub netns: Netns,
    /// Digests of its tables.
    pub rulesets: BTreeMap<String, String>,
}

/// Plans the ports of one namespace that are safe, or are once their accept rules stand; and yields those that a plan for nft
/// leaves out, since their accept rules stand in chains of iptables.
#[must_use]
pub fn plan<'a>(
    advice: &'a Advice,
    rulesets: &[ReadRuleset],
    frame: Frame,
) -> (Plan, Vec<&'a PortAdvice>) {
    let is_planned = |port: &&PortAdvice| {
        port.netns.inode == frame.netns.inode
            && !port.notrack.is_empty()
            && matches!(port.verdict, Verdict::Safe | Verdict::NeedsAccept)
    };
    let ports: Vec<&PortAdvice> = advice.ports.iter().filter(is_planned).collect();
    let needs_iptables = |port: &&PortAdvice| port.accepts.iter().any(|rule| !rule.is_native());
    let backend = frame
        .backend
        .unwrap_or(if ports.iter().any(needs_iptables) {
            PlanBackend::Iptables
        } else {
            PlanBackend::Nft
        });
    let (left_out, ports): (Vec<_>, Vec<_>) = ports
        .into_iter()
        .partition(|port| backend == PlanBackend::Nft && needs_iptables(port));
    let plan = Plan {
        made: frame.made,
        backend,
        netns: Some(frame.netns.inode),
        rulesets: Some(frame.rulesets),
        ports: ports
            .into_iter()
            .flat_map(|port| planned(port, rulesets))
            .collect(),
    };
    (plan, left_out)
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
    let chain = rulesets
        .iter()
        .find_map(|ruleset| match ruleset.content.as_ref().ok()? {
            Content::Xtables(content) if content.family == rule.family() => {
                content.chain(&rule.table, &rule.chain)
            }
            Content::Nft(content) => {
                let mut tables = content.tables.iter().map(|table| &table.rules);
                tables
                    .find(|table| table.name == rule.table)?
                    .chain(&rule.chain)
            }
            Content::Xtables(_) | Content::Ipvs(_) => None,
        });
    let place = |number: usize| {
        let rules = chain.map_or(&[][..], |chain| &chain.rules);
        let ahead = rules.iter().take(number.saturating_sub(1));
        number - ahead.filter(|rule| rule.is_own()).count()
    };
    let place_of = |handle: u64| {
        let others = chain.map(Chain::others_handles)?;
        Some(others.iter().position(|other| *other == handle)? + 1)
    };
    AcceptRule {
        before: match rule.handle {
            // Found, since the advice is of these rulesets; the first place is the one that cannot come too late.
            Some(handle) => place_of(handle).or(Some(1)),
            None => rule.before.map(place),
        },
        handle: None,
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
