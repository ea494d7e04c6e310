//! Whether rules that a plan installed do what they are for: a proof for each port and address. docs/apply.md tells what
//! each finding means.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{
    analysis::plan::Stale,
    model::{
        endpoint::Protocol,
        entry::{Entry, Numbered},
        notrack::{AcceptRule, Direction, NotrackRule},
        plan::Plan,
        turned_away::{Rise, TurnedAway},
    },
};

mod covered;
mod rising;
#[cfg(test)]
mod tests;

pub use covered::Covered;
pub use rising::{Compared, compared};

/// Seconds that a timeout may seem to have grown by rounding.
const ROUNDING: u64 = 2;

/// The node at one time.
#[derive(Clone, Debug)]
pub struct Look {
    /// Since the first look.
    pub at: Duration,
    /// ctwatch's NOTRACK rules that stand, with the packets each has met.
    pub rules: Vec<(NotrackRule, Option<u64>)>,
    /// Entries of planned ports.
    pub entries: Vec<Numbered>,
    /// Packets that the node turned away.
    pub turned_away: TurnedAway,
}

/// What was found out about a port at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortProof {
    /// Protocol.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// Address.
    pub address: IpAddr,
    /// Verdict.
    pub outcome: Outcome,
    /// Untracked packets to the service; `None` where no rule of ctwatch's counts them.
    pub requests: Option<Packets>,
    /// Untracked packets from the service; likewise.
    pub replies: Option<Packets>,
    /// Its entries at the first look.
    pub entries_before: u64,
    /// Of those, the ones that are left at the last.
    pub entries_left: u64,
    /// Entries that came.
    pub entries_new: u64,
    /// What speaks against it, or is missing.
    pub findings: Vec<Finding>,
}

/// Packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// Between the looks.
    pub now: u64,
    /// Since the rules stand.
    pub ever: u64,
}

/// How it stands with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Both directions untracked, no new entries.
    Proven,
    /// Too little came by to tell.
    Unproven,
    /// It does not work.
    Failed,
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A rule of the plan does not stand.
    RuleMissing(NotrackRule),
    /// An accept rule of the plan does not stand, and packets need it.
    AcceptMissing(Box<AcceptRule>),
    /// Rules changed since the plan was made, and the port is not as safe as it was.
    Stale(Box<Stale>),
    /// An entry came: the first.
    NewEntry(Box<Entry>),
    /// An old entry's timeout was set anew, so that packets are tracked: the first.
    Refreshed(Box<Entry>),
    /// Packets came by in one direction only: to the service where true.
    OneDirection(bool),
    /// No packet came by.
    NothingSeen,
    /// The rules do not count packets.
    NotCounted,
}

impl Finding {
    /// The word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RuleMissing(_) => "rule-missing",
            Self::AcceptMissing(_) => "accept-missing",
            Self::Stale(_) => "rules-changed",
            Self::NewEntry(_) => "new-entries",
            Self::Refreshed(_) => "entries-refreshed",
            Self::OneDirection(_) => "one-direction",
            Self::NothingSeen => "nothing-seen",
            Self::NotCounted => "not-counted",
        }
    }

    fn outcome(&self, protocol: Protocol) -> Outcome {
        match self {
            Self::RuleMissing(_)
            | Self::AcceptMissing(_)
            | Self::Stale(_)
            | Self::NewEntry(_)
            | Self::Refreshed(_) => Outcome::Failed,
            // A service of UDP need not answer.
            Self::OneDirection(_) if protocol == Protocol::TCP => Outcome::Failed,
            Self::OneDirection(_) | Self::NothingSeen | Self::NotCounted => Outcome::Unproven,
        }
    }
}

/// All that was found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Seconds between the first look and the last.
    pub seconds: f64,
    /// Ports, in the plan's order.
    pub ports: Vec<PortProof>,
    /// Resets against those before the rules came.
    pub resets: Compared,
    /// Packets that filters dropped, likewise.
    pub filter_drops: Compared,
}

impl Verification {
    /// Whether every port is proven, and nothing rises.
    #[must_use]
    pub fn holds(&self) -> bool {
        let proven = |port: &PortProof| port.outcome == Outcome::Proven;
        self.ports.iter().all(proven) && !self.resets.rises() && !self.filter_drops.rises()
    }

    /// Adds what the rules of today say against a port at an address: it comes first, for packets tell of the past.
    pub fn object(&mut self, protocol: Protocol, service: SocketAddr, finding: Finding) {
        let is_it = |port: &&mut PortProof| {
            (port.protocol, port.address, port.port) == (protocol, service.ip(), service.port())
        };
        for port in self.ports.iter_mut().filter(is_it) {
            port.outcome = port.outcome.max(finding.outcome(protocol));
            port.findings.insert(0, finding.clone());
        }
    }
}

/// Judges several looks, at least two; `before` tells how fast the node turned packets away before the rules came.
#[must_use]
pub fn verify(plan: &Plan, local: &[IpAddr], looks: &[Look], before: Option<Rise>) -> Verification {
    let mut ports = Vec::new();
    for port in &plan.ports {
        for address in &port.addresses {
            let mut rules = port.notrack();
            rules.retain(|rule| rule.address == *address);
            ports.push(proof(&rules, local, looks));
        }
    }
    let (first, last) = (looks.first(), looks.last());
    let seconds = last.map_or(0.0, |look| look.at.as_secs_f64());
    let rise = first
        .zip(last)
        .map(|(first, last)| last.turned_away.since(&first.turned_away));
    let compare = |of: fn(&TurnedAway) -> Option<u64>| {
        compared(rise.as_ref().and_then(of), seconds, before.as_ref(), of)
    };
    Verification {
        seconds,
        ports: ports.into_iter().flatten().collect(),
        resets: compare(|turned| turned.resets),
        filter_drops: compare(|turned| turned.filter_drops),
    }
}

/// `None` for no rules.
fn proof(rules: &[NotrackRule], local: &[IpAddr], looks: &[Look]) -> Option<PortProof> {
    let rule = rules.first()?;
    let (first, last) = (looks.first()?, looks.last()?);
    let to = packets(rules, first, last, Direction::is_request);
    let from = packets(rules, first, last, |direction| !direction.is_request());
    let covered = Covered::new(rules, local);
    let course = Course::of(&covered, looks);
    let stands = |rule: &&NotrackRule| last.rules.iter().any(|(other, _)| other == *rule);
    let missing = rules.iter().find(|rule| !stands(rule));
    let mut findings: Vec<Finding> = missing
        .map(|rule| Finding::RuleMissing(*rule))
        .into_iter()
        .collect();
    findings.extend(
        course
            .first_new
            .map(|entry| Finding::NewEntry(Box::new(entry))),
    );
    findings.extend(
        course
            .first_refreshed
            .map(|entry| Finding::Refreshed(Box::new(entry))),
    );
    if missing.is_none() {
        findings.extend(seen(to, from));
    }
    let outcomes = findings
        .iter()
        .map(|finding| finding.outcome(rule.protocol));
    Some(PortProof {
        protocol: rule.protocol,
        port: rule.port,
        address: rule.address,
        outcome: outcomes.max().unwrap_or(Outcome::Proven),
        requests: to.flatten(),
        replies: from.flatten(),
        entries_before: course.before,
        entries_left: course.left,
        entries_new: course.new,
        findings,
    })
}

/// Packets of the plan's rules of some directions: `None` where it has no such rules, within where they do not count.
fn packets(
    rules: &[NotrackRule],
    first: &Look,
    last: &Look,
    of: impl Fn(Direction) -> bool,
) -> Option<Option<Packets>> {
    let rules: Vec<&NotrackRule> = rules.iter().filter(|rule| of(rule.direction)).collect();
    if rules.is_empty() {
        return None;
    }
    let sum = |look: &Look| -> Option<u64> {
        let standing = look.rules.iter().filter(|(rule, _)| rules.contains(&rule));
        standing.map(|(_, packets)| *packets).sum()
    };
    Some(sum(first).zip(sum(last)).map(|(then, ever)| Packets {
        // Rules that were installed anew meanwhile count from 0.
        now: ever.checked_sub(then).unwrap_or(ever),
        ever,
    }))
}

/// What the packets fail to prove: those between the looks, or all if there were none.
fn seen(to: Option<Option<Packets>>, from: Option<Option<Packets>>) -> Option<Finding> {
    if to == Some(None) || from == Some(None) {
        return Some(Finding::NotCounted);
    }
    let (to, from) = (to.flatten(), from.flatten());
    let now = |packets: Option<Packets>| packets.map_or(0, |packets| packets.now);
    let came = now(to) + now(from) > 0;
    let count = |packets: Packets| if came { packets.now } else { packets.ever };
    // Where another's rule does one direction, nothing is known of it.
    match (to.map(count), from.map(count)) {
        (Some(0) | None, Some(0) | None) => Some(Finding::NothingSeen),
        (Some(_), Some(0)) => Some(Finding::OneDirection(true)),
        (Some(0), Some(_)) => Some(Finding::OneDirection(false)),
        _ => None,
    }
}

/// What became of a port's entries.
#[derive(Default)]
struct Course {
    before: u64,
    left: u64,
    new: u64,
    first_new: Option<Entry>,
    first_refreshed: Option<Entry>,
}

impl Course {
    fn of(covered: &Covered, looks: &[Look]) -> Self {
        let mut course = Self::default();
        let Some((first, later)) = looks.split_first() else {
            return course;
        };
        let of = |look: &Look| -> Vec<Numbered> {
            look.entries
                .iter()
                .filter(|it| covered.has(&it.entry))
                .cloned()
                .collect()
        };
        let key = |it: &Numbered| (it.id, it.entry.original);
        let mut known: HashMap<_, _> = HashMap::new();
        for it in of(first) {
            course.before += 1;
            known.insert(key(&it), (first.at, it.entry.timeout_seconds, true));
        }
        for look in later {
            course.left = 0;
            for it in of(look) {
                match known.get(&key(&it)) {
                    Some((since, timeout, old)) => {
                        course.left += u64::from(*old);
                        if *old && grew(*timeout, it.entry.timeout_seconds, look.at - *since) {
                            course.first_refreshed.get_or_insert(it.entry);
                        }
                    }
                    None => {
                        course.new += 1;
                        known.insert(key(&it), (look.at, it.entry.timeout_seconds, false));
                        course.first_new.get_or_insert(it.entry);
                    }
                }
            }
        }
        course
    }
}

/// Whether a timeout is longer than what time has left of it.
fn grew(then: Option<u32>, now: Option<u32>, after: Duration) -> bool {
    let both = then.zip(now);
    both.is_some_and(|(then, now)| u64::from(now) + after.as_secs() > u64::from(then) + ROUNDING)
}
