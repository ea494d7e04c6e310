//! What a ruleset does to a packet as it is tracked today, against what it would do to the same packet untracked.

use super::{
    packet::Packet,
    walk::{Answers, Fate, Place, Question, Walk},
    ways::{explore, supposed},
};
use crate::model::ruleset::{Ruleset, States};

/// Table and built-in chain.
pub(super) type Hook = (&'static str, &'static str);

/// What a packet for the node passes. The nat table does not see untracked packets.
pub(super) const TO_NODE: [Hook; 5] = [
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("mangle", "INPUT"),
    ("filter", "INPUT"),
    ("security", "INPUT"),
];

/// What a packet from the node passes.
pub(super) const FROM_NODE: [Hook; 5] = [
    ("raw", "OUTPUT"),
    ("mangle", "OUTPUT"),
    ("filter", "OUTPUT"),
    ("security", "OUTPUT"),
    ("mangle", "POSTROUTING"),
];

/// A packet before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) hooks: &'static [Hook; 5],
    pub(super) packet: Packet,
    /// State that tracking gives it.
    pub(super) before: States,
    /// State it has without.
    pub(super) after: States,
}

/// A difference that NOTRACK would make, or why that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference<'a> {
    /// Accepted today, dropped here when untracked; by which of the rulesets.
    Closed(usize, Place<'a>),
    /// Dropped here today, accepted when untracked.
    Opened(Place<'a>),
    /// It depends on a rule that is not understood.
    NotUnderstood(&'a str),
    /// Too many ways to look at all of them.
    TooBranched,
}

/// At most one difference of each kind; none when all ways end alike.
pub(super) fn differences<'a>(rulesets: &[&'a Ruleset], change: &Change) -> Vec<Difference<'a>> {
    let (mut closed, mut opened, mut not_understood) = (None, None, None);
    let complete = explore(|answers| {
        let after = pass(rulesets, change, answers, false)?;
        let before = pass(rulesets, change, answers, true)?;
        match (before, after) {
            (Way::Accepted { by }, Way::Dropped(at, place)) => {
                match by.or_else(|| supposed(answers, &[false])) {
                    Some(rule) => not_understood = Some(Difference::NotUnderstood(rule)),
                    None => closed = Some(Difference::Closed(at, place)),
                }
            }
            (Way::Dropped(_, place), Way::Accepted { .. })
                if supposed(answers, &[true, false]).is_none() =>
            {
                opened = Some(Difference::Opened(place));
            }
            _ => {}
        }
        Ok(())
    });
    let too_branched = (!complete).then_some(Difference::TooBranched);
    [closed, opened, not_understood, too_branched]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether a packet tracked in this state may pass today, on some way at least.
pub(super) fn may_pass(
    rulesets: &[&Ruleset],
    hooks: &'static [Hook; 5],
    packet: Packet,
    state: States,
) -> bool {
    let change = Change {
        hooks,
        packet,
        before: state,
        after: state,
    };
    let mut passes = false;
    let complete = explore(|answers| {
        let way = pass(rulesets, &change, answers, true)?;
        passes |= matches!(way, Way::Accepted { .. });
        Ok(())
    });
    passes || !complete
}

/// What all chains together made of a packet.
enum Way<'a> {
    /// It passed; `by` is a rule not understood that is supposed to have accepted it, which no accept rule of ours
    /// could stand for.
    Accepted { by: Option<&'a str> },
    /// This of the rulesets dropped it.
    Dropped(usize, Place<'a>),
}

fn pass<'a>(
    rulesets: &[&'a Ruleset],
    change: &Change,
    answers: &Answers<'a>,
    tracked: bool,
) -> Result<Way<'a>, Question<'a>> {
    let state = if tracked { change.before } else { change.after };
    let mut accepted_by = None;
    for hook in change.hooks {
        // Raw comes before tracking: there is no entry yet, which iptables calls INVALID.
        let state = if hook.0 == "raw" {
            States::INVALID
        } else {
            state
        };
        let packet = change.packet.with_state(state);
        for (at, ruleset) in rulesets.iter().enumerate() {
            let Some(walk) = Walk::new(ruleset, *hook, &packet, answers, tracked) else {
                continue;
            };
            match walk.run()? {
                Fate::Dropped(place) => return Ok(Way::Dropped(at, place)),
                Fate::Accepted { by: Some(rule), .. } => {
                    let question = Question::Rule(&rule.text, tracked);
                    let is_supposed = answers.contains_key(&question);
                    accepted_by = accepted_by.or(is_supposed.then_some(rule.text.as_str()));
                }
                Fate::Accepted { by: None, .. } | Fate::Translated(..) => {}
            }
        }
    }
    Ok(Way::Accepted { by: accepted_by })
}
