//! Rules of iptables that ctwatch put there, as `iptables-save -c` shows them.

use crate::{
    model::{
        endpoint::Family,
        notrack::{Accepted, Direction, NotrackRule},
        ruleset::{Condition, Effect, OWN_CHAINS, Rule, Ruleset, States, Target},
    },
    render::rules::iptables::{accept_spec, notrack_spec},
};

/// A rule in a chain of ctwatch's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Table.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// As ctwatch writes it, less the chain; as it stands there where ctwatch does not write such.
    pub spec: String,
    /// The NOTRACK rule that it is.
    pub notrack: Option<NotrackRule>,
    /// Place in the chain, from 0.
    pub place: usize,
}

/// All of them, in order.
#[must_use]
pub fn standing(ruleset: &Ruleset) -> Vec<Standing> {
    let mut all = Vec::new();
    for table in &ruleset.tables {
        for chain in table
            .chains()
            .iter()
            .filter(|chain| chain.name.starts_with(OWN_CHAINS))
        {
            for (place, rule) in chain.rules.iter().enumerate() {
                let notrack = notrack(rule, &chain.name);
                let written = notrack.as_ref().map(notrack_spec);
                let written =
                    written.or_else(|| accepted(rule, ruleset.family).map(|it| accept_spec(&it)));
                all.push(Standing {
                    table: table.name.clone(),
                    chain: chain.name.clone(),
                    spec: written.unwrap_or_else(|| rule.text.clone()),
                    notrack,
                    place,
                });
            }
        }
    }
    all
}

/// The rule, if that is all it says: `-d 203.0.113.10/32 -p tcp --dport 443 -j NOTRACK`.
fn notrack(rule: &Rule, chain: &str) -> Option<NotrackRule> {
    let is_plain = rule.is_own()
        && rule.effects == [Effect::Notrack]
        && rule.target == Target::Continue
        && rule.matches.len() == 3;
    let built_in = chain.strip_prefix(OWN_CHAINS)?;
    let directions = Direction::ALL
        .into_iter()
        .filter(|direction| direction.chain() == built_in);
    is_plain.then(|| service(rule, directions)).flatten()
}

/// Packets that an accept rule of ctwatch's lets through.
fn accepted(rule: &Rule, family: Family) -> Option<Accepted> {
    if !rule.is_own() || rule.target != Target::Accept {
        return None;
    }
    let has = |condition: &Condition| {
        rule.matches
            .iter()
            .any(|each| !each.negated && each.condition == *condition)
    };
    let too_big = match family {
        Family::Ipv4 => Condition::IcmpType(3, Some(4)),
        Family::Ipv6 => Condition::IcmpType(2, None),
    };
    if has(&too_big) && rule.matches.len() == 3 {
        let address = rule.matches.iter().find_map(|each| match &each.condition {
            Condition::Destination(prefix) if !each.negated => prefix.host(),
            _ => None,
        });
        return address.map(Accepted::TooBig);
    }
    let untracked = has(&Condition::State(States::UNTRACKED)) && rule.matches.len() == 4;
    // In which chain it stands is told apart by the chain's name.
    untracked.then(|| service(rule, Direction::ALL.into_iter()).map(Accepted::Untracked))?
}

/// What a rule matches, as that of the first direction that it fits.
fn service(rule: &Rule, mut directions: impl Iterator<Item = Direction>) -> Option<NotrackRule> {
    if rule.matches.iter().any(|each| each.negated) {
        return None;
    }
    let (mut address, mut protocol, mut port) = (None, None, None);
    for each in &rule.matches {
        match &each.condition {
            Condition::Source(prefix) => address = Some((false, prefix.host()?)),
            Condition::Destination(prefix) => address = Some((true, prefix.host()?)),
            Condition::Protocol(number) => protocol = Some(*number),
            Condition::SourcePort(ranges) => port = Some((false, single(ranges)?)),
            Condition::DestinationPort(ranges) => port = Some((true, single(ranges)?)),
            _ => {}
        }
    }
    let ((to_address, address), (to_port, port)) = (address?, port?);
    let fits = |direction: &Direction| {
        (
            direction.address_is_destination(),
            direction.port_is_destination(),
        ) == (to_address, to_port)
    };
    Some(NotrackRule {
        direction: directions.find(fits)?,
        address,
        protocol: protocol?,
        port,
    })
}

fn single(ranges: &[std::ops::RangeInclusive<u16>]) -> Option<u16> {
    match ranges {
        [range] if range.start() == range.end() => Some(*range.start()),
        _ => None,
    }
}
