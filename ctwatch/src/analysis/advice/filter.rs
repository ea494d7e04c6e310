//! Whether the packet filter lets a service's packets through once they are untracked, and which rules would.

use std::borrow::Cow;

use super::{
    compare::{Change, Difference, FROM_NODE, TO_NODE, differences, may_pass},
    mark::Mark,
    nat,
    packet::{Interface, Packet},
    service::Service,
    stations::Tables,
    surroundings::{Filter, tables},
    verdict::{Code, Judgement, Verdict},
    walk::Place,
};
use crate::model::{
    endpoint::Protocol,
    notrack::{AcceptRule, Accepted, Direction},
    ruleset::{Condition, Match, Prefix, Rule, States, Table, Target},
};

/// More accept rules than this mean that adding them does not help.
const MAX_ACCEPTS: usize = 16;

/// A packet of the service, and the rule that would let it through.
struct Passage {
    change: Change,
    accepted: Accepted,
}

/// Judges all directions; the accept rules are those that together make the rest safe.
pub(super) fn judge(
    service: &Service,
    filters: &[Filter<'_>],
) -> (Vec<AcceptRule>, Vec<Judgement>) {
    let mut rulesets: Vec<Vec<Cow<'_, Table>>> = filters
        .iter()
        .map(|filter| {
            filter
                .tables
                .iter()
                .map(|table| Cow::Borrowed(*table))
                .collect()
        })
        .collect();
    let mut accepts = Vec::new();
    let mut judgements = Vec::new();
    let marks = nat::marks(service, filters);
    let passages = passages(service, marks);
    for passage in &passages {
        loop {
            let found = differences(&borrowed(&rulesets), &passage.change);
            let closed = found.iter().find_map(|difference| match difference {
                Difference::Closed(at, place) => Some((*at, place)),
                _ => None,
            });
            let next = closed.map(|(at, place)| {
                let accept = accept_before(place, passage.accepted);
                let printable = filters[at].is_edited && accepts.len() < MAX_ACCEPTS;
                judgements.push(closes(service, passage, place, printable));
                (at, accept, printable)
            });
            if let Some((at, accept, true)) = next {
                insert(&mut rulesets[at], &accept);
                accepts.push(accept);
                continue;
            }
            let others = found
                .iter()
                .filter(|d| !matches!(d, Difference::Closed(..)));
            judgements.extend(others.map(|difference| other(service, difference)));
            break;
        }
    }
    // What was added for one kind of packet may let others in that were looked at before.
    if !accepts.is_empty() {
        let borrowed = borrowed(&rulesets);
        let found = passages
            .iter()
            .flat_map(|passage| differences(&borrowed, &passage.change))
            .filter(|difference| !matches!(difference, Difference::Closed(..)))
            .map(|difference| other(service, &difference));
        for judgement in found.collect::<Vec<_>>() {
            if !judgements.contains(&judgement) {
                judgements.push(judgement);
            }
        }
    }
    (accepts, judgements)
}

fn borrowed<'r>(rulesets: &'r [Vec<Cow<'_, Table>>]) -> Vec<Tables<'r>> {
    let tables = rulesets.iter();
    tables
        .map(|tables| tables.iter().map(Cow::as_ref).collect())
        .collect()
}

/// Whether rules for requests and replies alone would cut off a client on the node that nobody has seen yet.
///
/// Its requests would stay tracked and their replies would not: these come in untracked, and what follows the first
/// request is INVALID. Rules for it as well spare it that, and have [`judge`] follow it. A client that is not let
/// through today is none.
pub(super) fn hurts_local_clients(service: &Service, filters: &[Filter<'_>]) -> bool {
    let rulesets = tables(filters);
    let request = service.packet(Direction::LocalRequests);
    let reply = service.packet(Direction::LocalReplies);
    let works = [
        (&FROM_NODE, request, States::NEW),
        (&TO_NODE, turned(request), States::NEW),
        (&FROM_NODE, turned(reply), States::ESTABLISHED),
        (&TO_NODE, reply, States::ESTABLISHED),
    ]
    .into_iter()
    .all(|(hooks, packet, state)| may_pass(&rulesets, hooks, packet, state));
    let differs = |(hooks, packet, after)| {
        let before = States::ESTABLISHED;
        let change = Change {
            hooks,
            packet,
            first: None,
            before,
            after,
        };
        // What passes although it did not, or passes without its entry, is not cut off.
        let cuts_off =
            |found: &Difference<'_>| !matches!(found, Difference::Opened(_) | Difference::Needs(_));
        differences(&rulesets, &change).iter().any(cuts_off)
    };
    works
        && [
            (&FROM_NODE, request, States::INVALID),
            (&TO_NODE, turned(request), States::INVALID),
            (&FROM_NODE, turned(reply), States::UNTRACKED),
            (&TO_NODE, reply, States::UNTRACKED),
        ]
        .into_iter()
        .any(differs)
}

/// Every kind of packet the service lives on.
fn passages(service: &Service, marks: u32) -> Vec<Passage> {
    let untracked = |direction, hooks, packet, first, before| Passage {
        change: Change {
            hooks,
            packet,
            first,
            before,
            after: States::UNTRACKED,
        },
        accepted: Accepted::Untracked(service.rule(direction)),
    };
    let mut passages = Vec::new();
    for direction in service.directions() {
        let is_tcp = service.protocol == Protocol::TCP;
        let answers = matches!(direction, Direction::Replies | Direction::LocalReplies);
        let packet = Packet {
            // What nat chains set, a rule of the filter may ask for.
            mark: Mark::without(marks),
            syn: is_tcp.then_some(matches!(
                direction,
                Direction::Requests | Direction::LocalRequests
            )),
            first: !answers,
            ..service.packet(direction)
        };
        let before = if answers {
            States::ESTABLISHED
        } else {
            States::NEW
        };
        let hooks = if direction.chain() == "OUTPUT" {
            &FROM_NODE
        } else {
            &TO_NODE
        };
        passages.push(untracked(direction, hooks, packet, None, before));
        // An encapsulation's packets are answered by flows of their own: theirs stay NEW.
        let is_followed = !answers && !service.directions().contains(&Direction::Tunnelled);
        let mut followed = |hooks, first: Packet| {
            let later = Packet {
                syn: is_tcp.then_some(false),
                first: false,
                ..first
            };
            let passage = untracked(direction, hooks, later, Some(first), States::ESTABLISHED);
            passages.extend(is_followed.then_some(passage));
        };
        followed(hooks, packet);
        // Over lo, a packet that left through OUTPUT comes back in.
        if direction == Direction::LocalRequests {
            followed(&TO_NODE, turned(packet));
            passages.push(untracked(direction, &TO_NODE, turned(packet), None, before));
        }
        if direction == Direction::LocalReplies {
            passages.push(untracked(
                direction,
                &FROM_NODE,
                turned(packet),
                None,
                before,
            ));
        }
    }
    passages.push(Passage {
        change: Change {
            hooks: &TO_NODE,
            packet: service.too_big(),
            first: None,
            before: States::RELATED,
            after: States::INVALID,
        },
        accepted: Accepted::TooBig(service.address),
    });
    passages
}

/// The same packet at its other hook on the way over `lo`.
fn turned(packet: Packet) -> Packet {
    let (in_interface, out_interface) = (packet.out_interface, packet.in_interface);
    debug_assert!(in_interface == Interface::Loopback || out_interface == Interface::Loopback);
    Packet {
        in_interface,
        out_interface,
        ..packet
    }
}

fn closes(service: &Service, passage: &Passage, place: &Place<'_>, printable: bool) -> Judgement {
    let (code, packets) = match passage.accepted {
        Accepted::TooBig(address) => (
            Code::InvalidDrop,
            format!("path MTU errors for {address}, INVALID once {service} is untracked"),
        ),
        Accepted::Untracked(rule) => {
            let code = if place.text.contains("UNTRACKED") {
                Code::UntrackedDrop
            } else {
                Code::EstablishedOnlyRuleset
            };
            let kind = match rule.direction {
                Direction::Requests => "requests to",
                Direction::Replies => "replies of",
                Direction::Tunnelled => "outgoing packets of",
                Direction::LocalRequests => "the node's own requests to",
                Direction::LocalReplies => "replies to the node itself of",
            };
            (code, format!("untracked {kind} {service}"))
        }
    };
    let Place {
        table, chain, text, ..
    } = place;
    let mut evidence = format!("{table} {chain}: {text} drops {packets}; tracked, they pass");
    if printable {
        return Judgement::new(Verdict::NeedsAccept, code, evidence);
    }
    evidence.push_str(" (no accept rule for it can be printed)");
    Judgement::blocked(code, evidence)
}

fn other(service: &Service, difference: &Difference<'_>) -> Judgement {
    match difference {
        Difference::NotUnderstood(rule) => Judgement::not_understood(rule),
        Difference::Needs(rule) => needs(rule),
        Difference::Opened(place) => Judgement::blocked(
            Code::FilterOpens,
            format!(
                "{} {}: {} drops packets of {service} by their state; untracked, they would pass",
                place.table, place.chain, place.text
            ),
        ),
        Difference::TooBranched | Difference::Closed(..) => Judgement::unproven(format!(
            "too many ways through the rules to follow all for {service}"
        )),
    }
}

/// A rule on the packets' way does something that only tracked packets can have.
fn needs(rule: &Rule) -> Judgement {
    let need = rule
        .effects
        .iter()
        .find_map(|effect| Code::of_effect(*effect));
    Judgement::blocked(
        need.unwrap_or(Code::NotLookedAt),
        format!("{} needs these packets' entries", rule.text),
    )
}

fn accept_before(place: &Place<'_>, packets: Accepted) -> AcceptRule {
    AcceptRule {
        table: place.table.to_owned(),
        chain: place.chain.to_owned(),
        before: place.number,
        handle: place.handle,
        packets,
    }
}

/// Puts the accept rule where printing would put it, so that the next look sees it.
fn insert(tables: &mut [Cow<'_, Table>], accept: &AcceptRule) {
    let chain = tables
        .iter_mut()
        .find(|table| table.name == accept.table)
        .and_then(|table| table.to_mut().chain_mut(&accept.chain));
    if let Some(chain) = chain {
        let at = accept
            .before
            .map_or(chain.rules.len(), |number| number.saturating_sub(1));
        chain.rules.insert(at.min(chain.rules.len()), rule(accept));
    }
}

fn rule(accept: &AcceptRule) -> Rule {
    let conditions = match accept.packets {
        Accepted::TooBig(address) => {
            let kind = if address.is_ipv4() {
                (3, Some(4))
            } else {
                (2, None)
            };
            let icmp = Condition::IcmpType(kind.0, kind.1);
            let host = host(address).map(Condition::Destination);
            host.into_iter().chain([icmp]).collect::<Vec<_>>()
        }
        Accepted::Untracked(rule) => {
            let ports = vec![rule.port..=rule.port];
            let side = if rule.direction.address_is_destination() {
                Condition::Destination
            } else {
                Condition::Source
            };
            let port = if rule.direction.port_is_destination() {
                Condition::DestinationPort(ports)
            } else {
                Condition::SourcePort(ports)
            };
            let rest = [
                Condition::Protocol(rule.protocol),
                port,
                Condition::State(States::UNTRACKED),
            ];
            host(rule.address)
                .map(side)
                .into_iter()
                .chain(rest)
                .collect()
        }
    };
    Rule {
        matches: conditions.into_iter().map(Match::from).collect(),
        target: Target::Accept,
        ..Rule::default()
    }
}

fn host(address: std::net::IpAddr) -> Option<Prefix> {
    Prefix::new(address, if address.is_ipv4() { 32 } else { 128 })
}
