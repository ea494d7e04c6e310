//! Rules of the nat table that would translate a service's connections. No entry means no translation.

use super::{
    mark::Mark,
    packet::Packet,
    service::Service,
    stations::{Station, stations},
    surroundings::{Filter, tables},
    verdict::{Code, Judgement, Verdict},
    walk::{Answers, Fate, Place, Question, Walk},
    ways::{explore, supposed_to_match},
};
use crate::model::{
    notrack::Direction,
    ruleset::{Hook, Rule, States, Target},
};

/// Hooks whose nat chains the first packet of a connection passes; later ones follow its entry. Replies have no part
/// in it, so that a MASQUERADE rule for what leaves the node does not concern services on the node.
fn hooks(direction: Direction) -> &'static [Hook] {
    match direction {
        Direction::Requests => &[Hook::Prerouting, Hook::Input],
        Direction::LocalRequests | Direction::Tunnelled => &[Hook::Output, Hook::Postrouting],
        Direction::Replies | Direction::LocalReplies => &[],
    }
}

/// Judges every direction that opens connections. `marks` are the bits of marks that rules outside of nat chains
/// set; others are 0 at first, or set by a rule of a nat chain.
pub(super) fn judge(service: &Service, filters: &[Filter<'_>], marks: u32) -> Vec<Judgement> {
    let rulesets = tables(filters);
    let mut judgements = Vec::new();
    for direction in service.directions() {
        let stations = stations(&rulesets, hooks(direction), true);
        let packet = Packet {
            mark: Mark::zero_but(marks),
            ..service.packet(direction).with_state(States::NEW)
        };
        judgements.extend(along(&stations, packet));
    }
    judgements
}

/// Ports from here on may become the source of a translated connection (`nf_nat_l4proto_unique_tuple`): lower ones keep
/// to themselves.
const ANY_SOURCE: u16 = 1024;

/// A rule that gives connections which pass the node a port of the service's as their source: their replies are what
/// packets for the service are. It hits few, so it speaks against no rule; but it is to be known.
pub(super) fn shared_port(service: &Service, filters: &[Filter<'_>]) -> Option<Judgement> {
    if service.port < ANY_SOURCE {
        return None;
    }
    let rulesets = tables(filters);
    let stations = stations(&rulesets, &[Hook::Postrouting], true);
    let packet = Packet {
        source: None,
        source_port: None,
        ..service.packet(Direction::Replies).with_state(States::NEW)
    };
    let mut found = None;
    explore(|answers| {
        if let Some(Fate::Translated(_, rule)) = translation(&stations, packet, answers)?
            && (rule.target == Target::Masquerade
                || rule.text.contains(&service.address.to_string()))
        {
            found.get_or_insert(rule);
        }
        Ok(())
    });
    let rule = found?;
    Some(Judgement::new(
        Verdict::Safe,
        Code::MasqueradeRule,
        format!(
            "{} may give connections that pass the node port {} as their source, one in some 64,000 where ports are drawn at random: \
             replies to such a one would go untracked to this service",
            rule.text, service.port
        ),
    ))
}

/// Bits of marks that nat chains set on a packet that opens a connection, and on no other. Untracked, none has them.
pub(super) fn marks(service: &Service, filters: &[Filter<'_>]) -> u32 {
    let rulesets = tables(filters);
    let mut bits = 0;
    for direction in service.directions() {
        let stations = stations(&rulesets, hooks(direction), true);
        let complete = explore(|answers| {
            let mut packet = service.packet(direction).with_state(States::NEW);
            for station in &stations {
                let mut walk = Walk::new((station.table, station.chain), packet, answers, true);
                let fate = walk.run();
                packet = walk.packet();
                bits |= packet.mark.touched();
                if !matches!(fate?, Fate::Accepted { .. }) {
                    break;
                }
            }
            Ok(())
        });
        if !complete {
            return u32::MAX;
        }
    }
    bits
}

fn along(stations: &[Station<'_>], packet: Packet) -> Vec<Judgement> {
    let (mut certain, mut supposedly) = (None, None);
    let complete = explore(|answers| {
        let Some(fate) = translation(stations, packet, answers)? else {
            return Ok(());
        };
        match (fate, supposed_to_match(answers)) {
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
    // A rule that picks one of several backends at random still translates.
    let supposedly = supposedly.filter(|_| certain.is_none());
    [certain, supposedly, incomplete]
        .into_iter()
        .flatten()
        .collect()
}

/// The first chain that does anything but let the packet pass.
fn translation<'a>(
    stations: &[Station<'a>],
    mut packet: Packet,
    answers: &Answers<'a>,
) -> Result<Option<Fate<'a>>, Question<'a>> {
    for station in stations {
        let mut walk = Walk::new((station.table, station.chain), packet, answers, true);
        match walk.run()? {
            Fate::Accepted { .. } => packet = walk.packet(),
            fate => return Ok(Some(fate)),
        }
    }
    Ok(None)
}

fn translates(place: &Place<'_>, rule: &Rule) -> Judgement {
    // kube-proxy's chains, in its iptables and in its nftables mode.
    let by_nodeport = place.via.contains(&"KUBE-NODEPORTS")
        || place
            .jumps
            .iter()
            .any(|rule| rule.contains("vmap @service-nodeports"));
    let code = if by_nodeport {
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
    Judgement::blocked(
        code,
        format!("{} {}{via}: {}", place.table, place.chain, place.text),
    )
}
