//! Rules for `iptables` and `ip6tables`.
//!
//! `-j NOTRACK` rather than `-j CT --notrack`: iptables-nft 1.8.9 takes both for different rules, so that one form
//! must be kept to, and NOTRACK is the one it turns into nftables' own `notrack`.

use crate::model::{
    endpoint::Family,
    notrack::{AcceptRule, Accepted, NotrackRule, OWNER},
};

/// What to do with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put it in.
    Add,
    /// Take it out.
    Delete,
    /// Ask whether it is there.
    Check,
}

/// The command for a family.
#[must_use]
pub fn command(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "iptables",
        Family::Ipv6 => "ip6tables",
    }
}

/// A NOTRACK rule, bare: `-t raw -A PREROUTING …`.
#[must_use]
pub fn notrack(rule: &NotrackRule, action: Action) -> String {
    let verb = match action {
        Action::Add => "-A",
        Action::Delete => "-D",
        Action::Check => "-C",
    };
    let chain = rule.direction.chain();
    format!("-t raw {verb} {chain} {}", notrack_spec(rule))
}

/// What stands behind the chain's name in a NOTRACK rule.
#[must_use]
pub fn notrack_spec(rule: &NotrackRule) -> String {
    format!("{} {} -j NOTRACK", service(rule), mark())
}

/// An accept rule, bare: `-t filter -I INPUT 3 …`.
#[must_use]
pub fn accept(rule: &AcceptRule, action: Action) -> String {
    let AcceptRule { table, chain, .. } = rule;
    let place = match (action, rule.before) {
        (Action::Add, Some(number)) => format!("-I {chain} {number}"),
        (Action::Add, None) => format!("-A {chain}"),
        (Action::Delete, _) => format!("-D {chain}"),
        (Action::Check, _) => format!("-C {chain}"),
    };
    format!("-t {table} {place} {}", accept_spec(&rule.packets))
}

/// What stands behind the chain's name in an accept rule.
#[must_use]
pub fn accept_spec(packets: &Accepted) -> String {
    let packets = match packets {
        Accepted::Untracked(rule) => {
            format!("{} -m conntrack --ctstate UNTRACKED", service(rule))
        }
        Accepted::TooBig(address) if address.is_ipv4() => {
            format!("-d {address} -p icmp --icmp-type fragmentation-needed")
        }
        Accepted::TooBig(address) => {
            format!("-d {address} -p ipv6-icmp --icmpv6-type packet-too-big")
        }
    };
    format!("{packets} {} -j ACCEPT", mark())
}

/// What stands behind a built-in chain's name in the jump to a chain of ctwatch's own.
#[must_use]
pub fn jump_spec(to: &str) -> String {
    format!("{} -j {to}", mark())
}

/// A line that adds a rule unless it is there.
#[must_use]
pub fn guarded(family: Family, check: &str, add: &str) -> String {
    let command = command(family);
    format!("{command} -w {check} 2>/dev/null || {command} -w {add}")
}

/// The line that adds a NOTRACK rule unless it is there.
#[must_use]
pub fn notrack_line(rule: &NotrackRule) -> String {
    let (check, add) = (notrack(rule, Action::Check), notrack(rule, Action::Add));
    guarded(rule.family(), &check, &add)
}

/// The line that adds an accept rule unless it is there.
#[must_use]
pub fn accept_line(rule: &AcceptRule) -> String {
    let (check, add) = (accept(rule, Action::Check), accept(rule, Action::Add));
    guarded(rule.family(), &check, &add)
}

/// The line that takes a NOTRACK rule out.
#[must_use]
pub fn notrack_undo_line(rule: &NotrackRule) -> String {
    let command = command(rule.family());
    format!("{command} -w {}", notrack(rule, Action::Delete))
}

/// The line that takes an accept rule out.
#[must_use]
pub fn accept_undo_line(rule: &AcceptRule) -> String {
    let command = command(rule.family());
    format!("{command} -w {}", accept(rule, Action::Delete))
}

/// Address, protocol and port.
fn service(rule: &NotrackRule) -> String {
    let direction = rule.direction;
    let side = if direction.address_is_destination() {
        "-d"
    } else {
        "-s"
    };
    let port = if direction.port_is_destination() {
        "--dport"
    } else {
        "--sport"
    };
    format!(
        "{side} {} -p {} {port} {}",
        rule.address, rule.protocol, rule.port
    )
}

fn mark() -> String {
    format!("-m comment --comment {OWNER}")
}
