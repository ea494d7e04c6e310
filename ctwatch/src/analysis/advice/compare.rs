//! What a ruleset does to a packet as it is tracked today, against what it would do to the same packet untracked.

use super::{
    packet::{Interface, Packet},
    stations::{Station, Tables, stations},
    walk::{Answers, Fate, Place, Question, Walk},
    ways::{explore, supposed, supposes_mark},
};
use crate::model::ruleset::{Hook, Rule, States};

/// What a packet for the node passes. Chains that translate do not see untracked packets.
pub(super) const TO_NODE: [Hook; 2] = [Hook::Prerouting, Hook::Input];

/// What a packet from the node passes.
pub(super) const FROM_NODE: [Hook; 2] = [Hook::Output, Hook::Postrouting];

/// A packet before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) hooks: &'static [Hook; 2],
    pub(super) packet: Packet,
    /// The packet that opened its connection: without it there would be no other.
    pub(super) first: Option<Packet>,
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
    /// This rule, on the packet's way, needs an entry.
    Needs(&'a Rule),
    /// It depends on a rule that is not understood.
    NotUnderstood(&'a str),
    /// Too many ways to look at all of them.
    TooBranched,
}

/// At most one difference of each kind; none when all ways end alike.
pub(super) fn differences<'a>(rulesets: &[Tables<'a>], change: &Change) -> Vec<Difference<'a>> {
    let stations = stations(rulesets, change.hooks, false);
    let (mut closed, mut opened, mut not_understood) = (None, None, None);
    let mut needing: Vec<&Rule> = Vec::new();
    let complete = explore(|answers| {
        let mut met = Vec::new();
        let outcome = outcome(&stations, change, answers, &mut met);
        // Whoever marks packets before netfilter sees them is not known.
        match met.first() {
            Some(rule) if supposes_mark(answers) => {
                not_understood = Some(Difference::NotUnderstood(&rule.text));
            }
            _ => add_new(&mut needing, met),
        }
        let Some((before, after, opened_by)) = outcome? else {
            return Ok(());
        };
        match (before, after) {
            (Way::Accepted { by }, Way::Dropped(at, place)) => {
                match by.or(opened_by).or_else(|| supposed(answers, &[false])) {
                    Some(rule) => not_understood = Some(Difference::NotUnderstood(rule)),
                    None => closed = Some(Difference::Closed(at, place)),
                }
            }
            (Way::Dropped(_, place), Way::Accepted { .. }) => {
                match supposed(answers, &[true, false]) {
                    Some(rule) => not_understood = Some(Difference::NotUnderstood(rule)),
                    None => opened = Some(Difference::Opened(place)),
                }
            }
            _ => {}
        }
        Ok(())
    });
    // A limit that is not followed is told once, as what needs entries.
    let not_understood = not_understood.filter(|difference| {
        let mut texts = needing.iter().map(|rule| rule.text.as_str());
        !texts.any(|text| *difference == Difference::NotUnderstood(text))
    });
    let too_branched = (!complete).then_some(Difference::TooBranched);
    needing
        .into_iter()
        .map(Difference::Needs)
        .chain(
            [closed, opened, not_understood, too_branched]
                .into_iter()
                .flatten(),
        )
        .collect()
}

/// The packet's way as tracked and as untracked, and the rule supposed to have let its connection in; `None` where
/// there would be no connection.
type Outcome<'a> = Option<(Way<'a>, Way<'a>, Option<&'a str>)>;

fn outcome<'a>(
    stations: &[Station<'a>],
    change: &Change,
    answers: &Answers<'a>,
    met: &mut Vec<&'a Rule>,
) -> Result<Outcome<'a>, Question<'a>> {
    let Way::Accepted { by: opened_by } = first(stations, change, answers, met)? else {
        return Ok(None);
    };
    let after = pass(stations, change, answers, false, met)?;
    let before = pass(stations, change, answers, true, met)?;
    Ok(Some((before, after, opened_by)))
}

fn add_new<'a>(known: &mut Vec<&'a Rule>, met: Vec<&'a Rule>) {
    for rule in met {
        if !known.iter().any(|other| std::ptr::eq(*other, rule)) {
            known.push(rule);
        }
    }
}

/// Whether a packet tracked in this state may pass today, on some way at least.
pub(super) fn may_pass(
    rulesets: &[Tables<'_>],
    hooks: &'static [Hook; 2],
    packet: Packet,
    state: States,
) -> bool {
    let stations = stations(rulesets, hooks, false);
    let change = Change {
        hooks,
        packet,
        first: None,
        before: state,
        after: state,
    };
    let mut passes = false;
    let complete = explore(|answers| {
        let way = pass(&stations, &change, answers, true, &mut Vec::new())?;
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

/// What becomes of the packet that opened the connection, as tracked today.
fn first<'a>(
    stations: &[Station<'a>],
    change: &Change,
    answers: &Answers<'a>,
    needing: &mut Vec<&'a Rule>,
) -> Result<Way<'a>, Question<'a>> {
    let Some(packet) = change.first else {
        return Ok(Way::Accepted { by: None });
    };
    let opening = Change {
        packet,
        before: States::NEW,
        ..*change
    };
    pass(stations, &opening, answers, true, needing)
}

/// The state that a chain sees. Before tracking there is no entry yet, which iptables and nft call INVALID; over `lo` the
/// packet has kept what OUTPUT gave it.
fn state_at<'a>(
    station: &Station<'a>,
    packet: &Packet,
    state: States,
    answers: &Answers<'a>,
) -> Result<States, Question<'a>> {
    if !station.is_before_tracking() || packet.in_interface == Interface::Loopback {
        return Ok(state);
    }
    let is_untracked = match station.is_after_raw() {
        _ if state != States::UNTRACKED => false,
        Some(after) => after,
        None => {
            let question = Question::Late(&station.chain.name);
            answers.get(&question).copied().ok_or(question)?
        }
    };
    Ok(if is_untracked {
        States::UNTRACKED
    } else {
        States::INVALID
    })
}

fn pass<'a>(
    stations: &[Station<'a>],
    change: &Change,
    answers: &Answers<'a>,
    tracked: bool,
    needing: &mut Vec<&'a Rule>,
) -> Result<Way<'a>, Question<'a>> {
    let state = if tracked { change.before } else { change.after };
    let mut accepted_by = None;
    let mut packet = change.packet;
    for station in stations {
        packet = packet.with_state(state_at(station, &packet, state, answers)?);
        let mut walk = Walk::new((station.table, station.chain), packet, answers, tracked);
        let fate = walk.run();
        needing.extend(walk.needing());
        packet = walk.packet();
        match fate? {
            Fate::Dropped(place) => return Ok(Way::Dropped(station.at, place)),
            Fate::Accepted { by: Some(rule), .. } => {
                let text = rule.text.as_str();
                let is_supposed = [Question::Rule(text, tracked), Question::Entry(text)]
                    .iter()
                    .any(|question| answers.contains_key(question));
                accepted_by = accepted_by.or(is_supposed.then_some(text));
            }
            Fate::Accepted { by: None, .. } | Fate::Translated(..) => {}
        }
    }
    Ok(Way::Accepted { by: accepted_by })
}
