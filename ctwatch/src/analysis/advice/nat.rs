//! Rules of the nat table that would translate a service's connections. No entry means no translation.

use super::{
    service::Service,
    surroundings::Filter,
    verdict::{Code, Judgement},
    walk::{Fate, Place, Walk},
    ways::{explore, supposed},
};
use crate::model::{
    notrack::Direction,
    ruleset::{Rule, Ruleset, States, Target},
};

/// Chains of the nat table that the first packet of a connection passes; later ones follow its entry. Replies have
/// no part in it, so that a MASQUERADE rule for what leaves the node does not concern services on the node.
fn chains(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Requests => &["PREROUTING", "INPUT"],
        Direction::LocalRequests | Direction::Tunnelled => &["OUTPUT", "POSTROUTING"],
        Direction::Replies | Direction::LocalReplies => &[],
    }
}

/// Judges every direction that opens connections.
pub(super) fn judge(service: &Service, filters: &[Filter<'_>]) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    for filter in filters {
        for direction in service.directions() {
            for chain in chains(direction) {
                judgements.extend(in_chain(filter.ruleset, service, direction, chain));
            }
        }
    }
    judgements
}

fn in_chain(
    ruleset: &Ruleset,
    service: &Service,
    direction: Direction,
    chain: &str,
) -> Vec<Judgement> {
    let packet = service.packet(direction).with_state(States::NEW);
    let (mut certain, mut supposedly) = (None, None);
    let complete = explore(|answers| {
        let Some(walk) = Walk::new(ruleset, ("nat", chain), &packet, answers, true) else {
            return Ok(());
        };
        match (walk.run()?, supposed(answers, &[true])) {
            (Fate::Translated(place, rule), None) => certain = Some(translates(&place, rule)),
            (Fate::Translated(..) | Fate::Dropped(_), Some(text)) => {
                supposedly = Some(Judgement::not_understood(text));
            }
            _ => {}
        }
        Ok(())
    });
    let incomplete = (!complete)
        .then(|| Judgement::unproven("too many ways through the nat table to follow all"));
    [certain, supposedly, incomplete]
        .into_iter()
        .flatten()
        .collect()
}

fn translates(place: &Place<'_>, rule: &Rule) -> Judgement {
    let code = if place.via.contains(&"KUBE-NODEPORTS") {
        Code::NodeportService
    } else if rule.target == Target::Masquerade {
        Code::MasqueradeRule
    } else {
        Code::NatRule
    };
    let via = match place.via.as_slice() {
        [] => String::new(),
        chains => format!(" (by {})", chains.join(", ")),
    };
    Judgement::blocked(code, format!("nat {}{via}: {}", place.chain, place.text))
}
