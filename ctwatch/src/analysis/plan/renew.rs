//! A plan for rules that changed since it was made.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use super::without_own;
use crate::{
    analysis::advice::{Again, Today, Verdict, again},
    model::{
        endpoint::Protocol,
        notrack::{AcceptRule, Accepted, Direction},
        plan::{Plan, PlannedPort},
    },
};

/// A planned port that the rules of today do not let go untracked as it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Protocol.
    pub protocol: Protocol,
    /// Where the service is.
    pub service: SocketAddr,
    /// What speaks against it.
    pub why: Why,
}

/// What speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A verdict, and its reason: code and evidence.
    Verdict(Verdict, String),
    /// It needs rules for packets that the plan leaves alone.
    Direction(Direction),
    /// It needs an accept rule that the plan does not have.
    Accept(AcceptRule),
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "by the rules of today {} {} ",
            self.protocol, self.service
        )?;
        match &self.why {
            Why::Verdict(verdict, reason) => write!(f, "is {}: {reason}", verdict.as_str())?,
            Why::Direction(direction) => {
                write!(f, "needs rules for {}, too", direction.as_str())?;
            }
            Why::Accept(rule) => {
                let packets = match rule.packets {
                    Accepted::Untracked(notrack) => notrack.direction.as_str(),
                    Accepted::TooBig(_) => "too-big",
                };
                let (table, chain) = (&rule.table, &rule.chain);
                write!(
                    f,
                    "needs an accept rule for {packets} in {table} {chain}, too"
                )?;
            }
        }
        f.write_str(" (make the plan anew: ctwatch advise --plan)")
    }
}

/// The plan with its accept rules where they belong today, less those that stand or are not needed any more.
///
/// # Errors
/// What is not as safe as it was, port by port.
pub fn renew(plan: &Plan, today: &Today<'_>) -> Result<Plan, Vec<Stale>> {
    let (mut renewed, mut stale) = (plan.clone(), Vec::new());
    for port in &mut renewed.ports {
        let planned = port.clone();
        port.accepts.clear();
        for address in &planned.addresses {
            let found = again(&planned, *address, today);
            let why = speaks_against(&planned, &found, today);
            if why.is_empty() {
                let accepts = found.accepts.iter();
                port.accepts
                    .extend(accepts.map(|rule| without_own(rule, today.rulesets)));
            }
            stale.extend(why.into_iter().map(|why| of(&planned, *address, why)));
        }
    }
    if stale.is_empty() {
        Ok(renewed)
    } else {
        Err(stale)
    }
}

fn of(port: &PlannedPort, address: IpAddr, why: Why) -> Stale {
    Stale {
        protocol: port.protocol,
        service: SocketAddr::new(address, port.port),
        why,
    }
}

fn speaks_against(port: &PlannedPort, found: &Again, today: &Today<'_>) -> Vec<Why> {
    if !matches!(found.verdict, Verdict::Safe | Verdict::NeedsAccept) {
        let reason = found.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| {
            format!("{}: {}", reason.code.as_str(), reason.evidence)
        });
        return vec![Why::Verdict(found.verdict, reason)];
    }
    let directions = found.directions.iter();
    let more = directions.filter(|direction| !port.directions.contains(direction));
    let is_planned = |rule: &&AcceptRule| {
        let same = |planned: &AcceptRule| {
            (&planned.table, &planned.chain, &planned.packets)
                == (&rule.table, &rule.chain, &rule.packets)
        };
        port.accepts.iter().any(same)
    };
    let accepts = found.accepts.iter().filter(|rule| !is_planned(rule));
    more.map(|direction| Why::Direction(*direction))
        .chain(accepts.map(|rule| Why::Accept(without_own(rule, today.rulesets))))
        .collect()
}
