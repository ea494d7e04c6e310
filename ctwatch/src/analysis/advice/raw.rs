//! What stands in the raw table already: rules that do it, and rules that would keep ours from doing it.

use super::{
    service::Service,
    surroundings::{Filter, Surroundings},
    verdict::{Code, Judgement, Verdict},
    walk::{Fate, Walk},
    ways::{explore, supposed},
};
use crate::model::{
    notrack::{NotrackRule, OWNER},
    ruleset::Ruleset,
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
            .map(|filter| (filter, treatment(filter.ruleset, service, &rule)))
            .collect();
        let in_raw = treatments.iter().find_map(|(_, treatment)| {
            let always = !treatment.tracks && treatment.complete;
            let text = treatment.untracks.as_ref().filter(|_| always)?;
            Some(format!("raw: {text}"))
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
        .filter(|_| filter.edited_by_iptables)
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

fn treatment(ruleset: &Ruleset, service: &Service, rule: &NotrackRule) -> Treatment {
    let packet = service.packet(rule.direction);
    let hook = ("raw", rule.direction.chain());
    let mut seen = Treatment::default();
    seen.complete = explore(|answers| {
        let Some(walk) = Walk::new(ruleset, hook, &packet, answers, true) else {
            seen.tracks = true;
            return Ok(());
        };
        let fate = walk.run()?;
        if let Some(text) = supposed(answers, &[true]) {
            seen.not_understood = Some(text.to_owned());
        }
        match fate {
            Fate::Accepted {
                untracked: Some(by),
                ..
            } => seen.untracks = Some(by.text.clone()),
            Fate::Accepted {
                by,
                untracked: None,
            } => {
                seen.tracks = true;
                seen.ends = seen.ends.take().or(by.map(|rule| rule.text.clone()));
            }
            // Dropped before tracking, with our rule or without.
            Fate::Dropped(_) | Fate::Translated(..) => {}
        }
        Ok(())
    });
    seen
}
