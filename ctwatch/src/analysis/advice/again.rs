//! A planned port looked at again, by the rules alone: its entries were judged when it was planned.

use std::net::IpAddr;

use super::{
    ipvs, judge,
    service::Service,
    surroundings::Surroundings,
    verdict::{Judgement, Reason, Verdict},
};
use crate::model::{
    endpoint::Netns,
    node::Node,
    notrack::{AcceptRule, Direction},
    plan::PlannedPort,
    ruleset::ReadRuleset,
};

/// The rules of a namespace today.
#[derive(Clone, Copy, Debug)]
pub struct Today<'a> {
    /// Namespace.
    pub netns: Netns,
    /// Its node.
    pub node: &'a Node,
    /// Rulesets, read, ctwatch's own rules among them.
    pub rulesets: &'a [ReadRuleset],
}

/// What they say of a port at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// The worst that anything on its packets' way gives; safe where nothing speaks against it.
    pub verdict: Verdict,
    /// What gives it.
    pub reason: Option<Reason>,
    /// Directions that need a rule each, standing or not.
    pub directions: Vec<Direction>,
    /// Accept rules that are missing.
    pub accepts: Vec<AcceptRule>,
}

/// Judges a port at one of its addresses.
#[must_use]
pub fn again(port: &PlannedPort, address: IpAddr, today: &Today<'_>) -> Again {
    let Today {
        netns,
        node,
        rulesets,
    } = today;
    let service = Service {
        address,
        protocol: port.protocol,
        port: port.port,
        encapsulation: port.directions.contains(&Direction::Tunnelled),
        local_clients: port.directions.contains(&Direction::LocalRequests),
    };
    let surroundings = Surroundings::new(*netns, service.family(), node, rulesets, None);
    let (service, accepts, mut judgements) = judge::by_rules(&service, &surroundings);
    judgements.extend(ipvs::service_at(
        &surroundings,
        port.protocol,
        address,
        port.port,
    ));
    let worst = judgements.into_iter().reduce(|worst, next| {
        if next.verdict > worst.verdict {
            next
        } else {
            worst
        }
    });
    let (verdict, reason) = worst.map_or((Verdict::Safe, None), |Judgement { verdict, reason }| {
        (verdict, Some(reason))
    });
    Again {
        verdict,
        reason,
        directions: service.directions(),
        accepts,
    }
}
