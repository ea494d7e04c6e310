//! Rules for `nft -f`: a table of their own, a chain and a set for each direction and family.
//!
//! The ports are elements of sets that count their packets, so that adding one twice changes nothing, and one can be
//! taken back by name while others stay. Each chain holds the one rule that asks its set, and is flushed before that
//! rule is added.

use std::collections::BTreeMap;

use crate::model::{
    endpoint::Family,
    notrack::{AcceptRule, Accepted, Direction, NotrackRule, OWNER},
};

/// Statements that add rules, or nothing for none. The same statements again change nothing.
#[must_use]
pub fn add(rules: &[NotrackRule]) -> String {
    add_beside(rules, &[])
}

/// As [`add`], where these chains and their sets are there already and stay as they are.
#[must_use]
pub fn add_beside(rules: &[NotrackRule], existing: &[String]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut text = format!("add table inet {OWNER}\n");
    for ((direction, family), rules) in by_chain(rules) {
        if !existing.contains(&direction.nft_name(family)) {
            text.push_str(&chain(direction, family));
        }
        for rule in rules {
            text.push_str(&element("add", rule));
        }
    }
    text
}

/// Statements that take a chain and its set away, whatever they hold.
#[must_use]
pub fn remove_chain(name: &str) -> String {
    format!(
        "flush chain inet {OWNER} {name}\ndelete chain inet {OWNER} {name}\ndelete set inet {OWNER} {name}\n"
    )
}

/// Statements that take the same rules back and leave others of ctwatch's.
#[must_use]
pub fn undo(rules: &[NotrackRule]) -> String {
    rules.iter().map(|rule| element("delete", rule)).collect()
}

/// The statement that takes back everything that [`add`] ever added.
#[must_use]
pub fn undo_everything() -> String {
    format!("delete table inet {OWNER}\n")
}

fn by_chain(rules: &[NotrackRule]) -> BTreeMap<(Direction, Family), Vec<&NotrackRule>> {
    let mut chains: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for rule in rules {
        let key = (rule.direction, rule.family());
        chains.entry(key).or_default().push(rule);
    }
    chains
}

/// A set, the base chain of the same name, and the chain's one rule.
fn chain(direction: Direction, family: Family) -> String {
    let name = direction.nft_name(family);
    let hook = direction.chain().to_lowercase();
    let (header, address_type) = match family {
        Family::Ipv4 => ("ip", "ipv4_addr"),
        Family::Ipv6 => ("ip6", "ipv6_addr"),
    };
    let (address, port) = direction.nft_fields();
    let own = format!("inet {OWNER} {name}");
    format!(
        "add set {own} {{ type {address_type} . inet_proto . inet_service; counter; }}\n\
         add chain {own} {{ type filter hook {hook} priority -300; policy accept; }}\n\
         flush chain {own}\n\
         add rule {own} {header} {address} . meta l4proto . th {port} @{name} notrack\n"
    )
}

fn element(verb: &str, rule: &NotrackRule) -> String {
    let name = rule.direction.nft_name(rule.family());
    let NotrackRule {
        address,
        protocol,
        port,
        ..
    } = rule;
    format!("{verb} element inet {OWNER} {name} {{ {address} . {protocol} . {port} }}\n")
}

/// The statement that puts an accept rule into a table of nftables' own.
#[must_use]
pub fn accept(rule: &AcceptRule) -> String {
    let AcceptRule { table, chain, .. } = rule;
    let place = match rule.handle {
        Some(handle) => format!("insert rule {table} {chain} handle {handle}"),
        None if rule.before == Some(1) => format!("insert rule {table} {chain}"),
        None => format!("add rule {table} {chain}"),
    };
    format!(
        "{place} {} accept comment \"{}\"",
        packets(rule),
        mark(rule)
    )
}

/// The shell line that puts it there unless it is there.
#[must_use]
pub fn accept_line(rule: &AcceptRule) -> String {
    let AcceptRule { table, chain, .. } = rule;
    format!(
        "nft list chain {table} {chain} | grep -qF 'comment \"{}\"' || nft '{}'",
        mark(rule),
        accept(rule)
    )
}

/// The shell line that takes it out.
#[must_use]
pub fn accept_undo_line(rule: &AcceptRule) -> String {
    let AcceptRule { table, chain, .. } = rule;
    format!(
        "nft -a list chain {table} {chain} | grep -F 'comment \"{}\"' | sed 's/.*# handle //' \
         | xargs -r -n 1 nft delete rule {table} {chain} handle",
        mark(rule)
    )
}

/// What the rule matches.
fn packets(rule: &AcceptRule) -> String {
    let header = match rule.family() {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    match rule.packets {
        Accepted::Untracked(notrack) => {
            let (address, port) = notrack.direction.nft_fields();
            format!(
                "{header} {address} {} {} {port} {} ct state untracked",
                notrack.address, notrack.protocol, notrack.port
            )
        }
        Accepted::TooBig(address) if address.is_ipv4() => {
            format!("ip daddr {address} icmp type destination-unreachable icmp code frag-needed")
        }
        Accepted::TooBig(address) => format!("ip6 daddr {address} icmpv6 type packet-too-big"),
    }
}

/// A comment by which this rule, and no other of ctwatch's, is found again.
#[must_use]
pub fn mark(rule: &AcceptRule) -> String {
    match rule.packets {
        Accepted::Untracked(notrack) => format!(
            "{OWNER} {} {} {} {}",
            notrack.direction.nft_name(rule.family()),
            notrack.address,
            notrack.protocol,
            notrack.port
        ),
        Accepted::TooBig(address) => format!("{OWNER} too_big {address}"),
    }
}
