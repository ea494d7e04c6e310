//! What stands in the raw table already: rules that do it, and rules that would keep ours from doing it.

use super::{
    packet::Packet,
    service::Service,
    stations::{Station, stations},
    surroundings::{Filter, Surroundings},
    verdict::{Code, Judgement, Verdict},
    walk::{Answers, Fate, Question, Walk},
    ways::{explore, supposed},
};
use crate::model::{
    notrack::{NotrackRule, OWNER},
    ruleset::{Hook, Rule},
};

/// What is there, and what has to be added.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// Rules needed that are not there.
    pub(super) missing: Vec<NotrackRule>,
    /// Rules needed that are there.
    pub(super) present: usize,
    pub(super) judgements: Vec<Judgement>,
}

/// How one ruleset's raw chain treats one direction.
#[derive(Default)]
struct Treatment {
    /// `raw`, or the table that has the rule that untracks.
    table: String,
    /// A rule that untracks, on every way.
    untracks: Option<String>,
    /// A way on which nothing untracks.
    tracks: bool,
    /// A rule that ends the chain before one appended to it is reached.
    ends: Option<String>,
    /// A rule not understood, on some way.
    not_understood: Option<String>,
    complete: bool,
}

/// Looks at the raw table for each rule that the service needs.
pub(super) fn look(service: &Service, surroundings: &Surroundings<'_>) -> Raw {
    let filters = &surroundings.filters;
    let mut raw = Raw::default();
    for direction in service.directions() {
        let rule = service.rule(direction);
        let treatments: Vec<_> = filters
            .iter()
            .map(|filter| (filter, treatment(filter, service, &rule)))
            .collect();
        let in_raw = treatments.iter().find_map(|(_, treatment)| {
            let always = !treatment.tracks && treatment.complete;
            let text = treatment.untracks.as_ref().filter(|_| always)?;
            Some(format!("{}: {text}", treatment.table))
        });
        let in_own_table = || {
            let set = direction.nft_name(rule.family());
            let is_there = surroundings.own_rules.contains(&rule);
            is_there.then(|| format!("nft: table inet {OWNER}, set {set}"))
        };
        if let Some(evidence) = in_raw.or_else(in_own_table) {
            raw.present += 1;
            raw.judgements
                .push(Judgement::new(Verdict::Safe, Code::ExistingRule, evidence));
            continue;
        }
        raw.missing.push(rule);
        for (filter, treatment) in &treatments {
            raw.judgements.extend(interference(filter, treatment));
        }
    }
    raw
}

fn interference(filter: &Filter<'_>, treatment: &Treatment) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    // Only the chain that ours is appended to can end before it.
    if let Some(text) = treatment
        .ends
        .as_ref()
        .filter(|_| filter.is_edited && !filter.is_native)
    {
        let evidence = format!("raw: {text} ends the chain before a rule added to it is reached");
        judgements.push(Judgement::blocked(Code::ForeignRawChain, evidence));
    }
    if let Some(text) = &treatment.not_understood {
        judgements.push(match Code::of_rule(text) {
            Code::NotLookedAt => Judgement::new(
                Verdict::Unproven,
                Code::ForeignRawChain,
                format!("not understood, and in the packets' way: {text}"),
            ),
            _ => Judgement::not_understood(text),
        });
    }
    if !treatment.complete {
        judgements.push(Judgement::unproven(
            "too many ways through the raw table to follow all",
        ));
    }
    judgements
}

fn treatment(filter: &Filter<'_>, service: &Service, rule: &NotrackRule) -> Treatment {
    let packet = service.packet(rule.direction);
    let hook = match rule.direction.chain() {
        "PREROUTING" => Hook::Prerouting,
        _ => Hook::Output,
    };
    let stations: Vec<Station<'_>> = stations(std::slice::from_ref(&filter.tables), &[hook], false)
        .into_iter()
        .filter(Station::is_before_tracking)
        .collect();
    let mut seen = Treatment {
        table: "raw".to_owned(),
        ..Treatment::default()
    };
    seen.complete = explore(|answers| {
        let way = way(&stations, packet, answers)?;
        if let Some(text) = supposed(answers, &[true]) {
            seen.not_understood = Some(text.to_owned());
        }
        match way {
            Way::Untracked(table, by) => {
                seen.table = table.to_owned();
                seen.untracks = Some(by.text.clone());
            }
            Way::Tracked { ends } => {
                seen.tracks = true;
                seen.ends = seen.ends.take().or(ends.map(|rule| rule.text.clone()));
            }
            // Dropped before tracking, with our rule or without.
            Way::Gone => {}
        }
        Ok(())
    });
    seen
}

/// How a packet comes to the place where it is tracked.
enum Way<'a> {
    /// By this rule of this table it is not.
    Untracked(&'a str, &'a Rule),
    /// It is; this rule ended a chain early.
    Tracked {
        ends: Option<&'a Rule>,
    },
    Gone,
}

fn way<'a>(
    stations: &[Station<'a>],
    mut packet: Packet,
    answers: &Answers<'a>,
) -> Result<Way<'a>, Question<'a>> {
    let (mut untracked_by, mut ends) = (None, None);
    for station in stations {
        let mut walk = Walk::new((station.table, station.chain), packet, answers, true);
        let fate = walk.run()?;
        packet = walk.packet();
        match fate {
            Fate::Accepted { by, untracked } => {
                let table = station.table.name.as_str();
                untracked_by = untracked_by.or(untracked.map(|rule| (table, rule)));
                ends = ends.or(by);
            }
            Fate::Dropped(_) | Fate::Translated(..) => return Ok(Way::Gone),
        }
    }
    Ok(match untracked_by {
        Some((table, rule)) => Way::Untracked(table, rule),
        None => Way::Tracked { ends },
    })
}
