//! One candidate's verdict.

use std::net::IpAddr;

use super::{
    PortAdvice,
    candidate::{Candidate, Figures},
    drain, filter, ipvs, nat, observed, raw,
    service::Service,
    surroundings::Surroundings,
    verdict::{Code, Judgement, Verdict},
};
use crate::{
    analysis::remedies::flood,
    model::{
        endpoint::{Protocol, Role},
        notrack::{AcceptRule, NotrackRule},
        recording::Recording,
    },
};

/// What a candidate is weighed against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    /// Entries of the namespace's table.
    pub(super) entries: u64,
    /// New entries during the recording.
    pub(super) inserted: u64,
}

/// Below this part of the table, and of the new entries, a rule is not worth having.
const WORTHWHILE: f64 = 0.01;

/// Judges a candidate by all that is known.
pub(super) fn judge(
    recording: &Recording,
    candidate: &Candidate,
    figures: Figures,
    surroundings: &Surroundings<'_>,
    whole: Whole,
) -> PortAdvice {
    let mut found = Found {
        judgements: by_entries(recording, candidate, &figures, surroundings),
        ..Found::default()
    };
    found
        .judgements
        .extend(syn_flood(candidate, &figures, whole.entries));
    if let Some(address) = candidate.address.filter(|_| is_service(candidate)) {
        let service = Service {
            address,
            protocol: candidate.protocol,
            port: candidate.port,
            encapsulation: candidate.role == Some(Role::Encapsulation),
            local_clients: candidate.local_clients,
        };
        let worthwhile = worthwhile(&figures, whole);
        let service = if worthwhile {
            reckoned(&service, surroundings)
        } else {
            service
        };
        found.by_rules(&service, surroundings, worthwhile);
    }
    let verdict = found.verdict();
    if !matches!(verdict, Verdict::Safe | Verdict::NeedsAccept) {
        found.missing.clear();
        found.accepts.clear();
    }
    let mut reasons = Vec::new();
    for Judgement { reason, .. } in found.judgements {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    PortAdvice {
        netns: candidate.netns,
        family: candidate.family,
        protocol: candidate.protocol,
        port: candidate.port,
        role: candidate.role,
        addresses: candidate.address.into_iter().collect(),
        share: share(figures.entries, whole.entries),
        frees_entries: figures.entries,
        drain_seconds: drain::seconds(candidate.protocol, &figures.states, &recording.node.sysctls),
        figures,
        verdict,
        reasons,
        looked_at: surroundings.looked_at(),
        notrack: found.missing,
        accepts: found.accepts,
    }
}

#[derive(Default)]
struct Found {
    judgements: Vec<Judgement>,
    missing: Vec<NotrackRule>,
    accepts: Vec<AcceptRule>,
    done: bool,
    useless: bool,
}

impl Found {
    /// Walks the rulesets. Where a port is not worth it, only rules that are there already are looked for.
    fn by_rules(&mut self, service: &Service, surroundings: &Surroundings<'_>, worthwhile: bool) {
        let filters = surroundings.filters.as_slice();
        let raw = raw::look(service, surroundings);
        self.done = raw.missing.is_empty() && raw.present > 0;
        self.useless = !worthwhile;
        self.missing = raw.missing;
        self.judgements.extend(raw.judgements);
        if self.useless && !self.done {
            return;
        }
        if filters.is_empty() {
            self.judgements.push(Judgement::unproven(
                "no packet filter was read (iptables-save, ip6tables-save)",
            ));
        }
        let unread = surroundings.unread.iter();
        self.judgements
            .extend(unread.map(|sentence| Judgement::unproven(sentence.clone())));
        self.judgements
            .extend(nat::judge(service, filters, surroundings.marks()));
        let (accepts, judgements) = filter::judge(service, filters);
        self.accepts = accepts;
        self.judgements.extend(judgements);
        let is_blocked = |judgement: &Judgement| judgement.verdict == Verdict::Blocked;
        if !self.judgements.iter().any(is_blocked) {
            self.judgements.extend(nat::shared_port(service, filters));
        }
    }

    fn verdict(&self) -> Verdict {
        if self.done {
            return Verdict::Done;
        }
        let worst = self
            .judgements
            .iter()
            .map(|judgement| judgement.verdict)
            .max();
        match worst.unwrap_or(Verdict::Safe) {
            Verdict::Safe | Verdict::NeedsAccept if self.useless => Verdict::NoBenefit,
            other => other,
        }
    }
}

/// The service, and clients on the node with it where rules for the others alone would cut them off.
fn reckoned(service: &Service, surroundings: &Surroundings<'_>) -> Service {
    let hurts = || filter::hurts_local_clients(service, &surroundings.filters);
    Service {
        local_clients: service.local_clients || !service.encapsulation && hurts(),
        ..*service
    }
}

/// Walks the rulesets alone: the service with the clients to be reckoned with, accept rules that it lacks, and what there is
/// to say.
pub(super) fn by_rules(
    service: &Service,
    surroundings: &Surroundings<'_>,
) -> (Service, Vec<AcceptRule>, Vec<Judgement>) {
    let service = reckoned(service, surroundings);
    let mut found = Found::default();
    found.by_rules(&service, surroundings, true);
    (service, found.accepts, found.judgements)
}

/// Whether it is something that NOTRACK rules can name.
fn is_service(candidate: &Candidate) -> bool {
    candidate.protocol.has_ports()
        && candidate.port != 0
        && matches!(candidate.role, Some(Role::Inbound | Role::Encapsulation))
}

fn by_entries(
    recording: &Recording,
    candidate: &Candidate,
    figures: &Figures,
    surroundings: &Surroundings<'_>,
) -> Vec<Judgement> {
    let mut judgements: Vec<Judgement> = by_role(candidate).into_iter().collect();
    if let Some(address) = candidate.address {
        judgements.extend(by_address(address, surroundings));
        let (protocol, port) = (candidate.protocol, candidate.port);
        judgements.extend(ipvs::service_at(surroundings, protocol, address, port));
    }
    let control = &recording.node.control_ports;
    if candidate.role == Some(Role::Inbound) && control.contains(&candidate.port) {
        judgements.push(Judgement::blocked(
            Code::ControlPort,
            format!(
                "port {} is the way in of an SSH session or daemon",
                candidate.port
            ),
        ));
    }
    for endpoint in &candidate.endpoints {
        judgements.extend(observed::judge(recording, endpoint, &figures.total));
    }
    judgements
}

/// A flood is no reason against NOTRACK, and none for it alone.
fn syn_flood(candidate: &Candidate, figures: &Figures, table: u64) -> Option<Judgement> {
    let clients = figures.clients.unwrap_or(0);
    let states = figures.states.iter().map(|(name, n)| (name.as_str(), *n));
    let half =
        flood::syn_flood(states, clients, table).filter(|_| candidate.protocol == Protocol::TCP)?;
    let all: u64 = figures.states.values().sum();
    Some(Judgement::new(
        Verdict::Safe,
        Code::SynFlood,
        format!(
            "{half} of {all} entries are half-open, from {clients} sources: untracked, the flood takes no entries, and goes on; \
             the remedies against it are SYN cookies and SYNPROXY"
        ),
    ))
}

fn by_role(candidate: &Candidate) -> Option<Judgement> {
    if !candidate.protocol.has_ports() {
        let text = format!("{} has no ports to name in a rule", candidate.protocol);
        return Some(Judgement::unproven(text));
    }
    match candidate.role {
        Some(Role::Inbound | Role::Encapsulation) => None,
        Some(Role::Forwarded) => Some(Judgement::blocked(
            Code::Forwarded,
            "neither end of these connections is the node's own",
        )),
        Some(Role::Outbound) => Some(Judgement::blocked(
            Code::NotLocalAddress,
            "connections that the node opens: the service is elsewhere",
        )),
        Some(Role::Loopback) => Some(Judgement::unproven(
            "only clients on the node itself were seen; such ports are not judged yet",
        )),
        None => Some(Judgement::unproven(
            "the node's own addresses were not read, so that no rule can name one (--addresses)",
        )),
    }
}

fn by_address(address: IpAddr, surroundings: &Surroundings<'_>) -> Option<Judgement> {
    match &surroundings.addresses {
        None if address.is_loopback() => Some(Judgement::unproven(
            "the node's own addresses were not read (--addresses)",
        )),
        // Of a listing.
        None => Some(Judgement::unproven(format!(
            "the node's own addresses were not read: {address} only ever receives here, and is taken for one of them \
             (--addresses)"
        ))),
        Some(own) if own.contains(&address) || address.is_loopback() => None,
        Some(_) => Some(Judgement::blocked(
            Code::NotLocalAddress,
            format!("{address} is not one of the node's own addresses"),
        )),
    }
}

fn worthwhile(figures: &Figures, whole: Whole) -> bool {
    let entries = share(figures.entries, whole.entries);
    let new = share(Some(figures.total.inserted), whole.inserted);
    entries.is_some_and(|share| share >= WORTHWHILE) || new.is_some_and(|share| share >= WORTHWHILE)
}

fn share(part: Option<u64>, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part.map(|part| (part as f64 / whole as f64).min(1.0)))?
}
