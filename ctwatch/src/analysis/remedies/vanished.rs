//! Clients that vanished: connections that stopped in mid-handshake or in mid-farewell, beside many that did not. A
//! flood has nothing else.

use std::collections::BTreeMap;

use super::{flood, ground::Ground};
use crate::model::{
    endpoint::{Endpoint, Protocol, Role},
    remedy::{Remedy, RemedyKind},
};

/// What a client leaves behind that answers no more.
const PILES: [&str; 3] = ["SYN_RECV", "FIN_WAIT", "LAST_ACK"];

/// Part of the table from which on they are a pile.
const OF_TABLE: f64 = 0.005;

/// Entries of a port by pile.
#[derive(Clone, Copy, Default)]
struct Pile {
    by_state: [u64; PILES.len()],
    clients: u64,
}

impl Pile {
    fn entries(&self) -> u64 {
        self.by_state.iter().sum()
    }
}

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let mut ports: BTreeMap<u16, Pile> = BTreeMap::new();
    for endpoint in ground.endpoints() {
        if is_served(&endpoint) && !flood::is_flooded(ground, &endpoint) {
            add(ground, &endpoint, ports.entry(endpoint.port).or_default());
        }
    }
    let entries: u64 = ports.values().map(Pile::entries).sum();
    let most = ports.iter().max_by_key(|(_, pile)| pile.entries());
    match most {
        Some((port, _)) if entries > 0 && entries as f64 >= ground.entries() as f64 * OF_TABLE => {
            vec![remedy(ground, *port, sum(ports.values()))]
        }
        _ => Vec::new(),
    }
}

fn is_served(endpoint: &Endpoint) -> bool {
    let comes_from_elsewhere =
        matches!(endpoint.role, None | Some(Role::Inbound | Role::Forwarded));
    endpoint.protocol == Protocol::TCP && comes_from_elsewhere
}

fn add(ground: &Ground<'_>, endpoint: &Endpoint, pile: &mut Pile) {
    let Some(seen) = ground.seen(endpoint) else {
        return;
    };
    for (sum, state) in pile.by_state.iter_mut().zip(PILES) {
        *sum += seen.states.get(state).unwrap_or(0);
    }
    pile.clients += seen.clients;
}

fn sum<'p>(piles: impl Iterator<Item = &'p Pile>) -> Pile {
    piles.fold(Pile::default(), |mut sum, pile| {
        for (sum, more) in sum.by_state.iter_mut().zip(pile.by_state) {
            *sum += more;
        }
        sum.clients += pile.clients;
        sum
    })
}

fn remedy(ground: &Ground<'_>, port: u16, pile: Pile) -> Remedy {
    let states: Vec<String> = PILES
        .iter()
        .zip(pile.by_state)
        .filter(|(_, entries)| *entries > 0)
        .map(|(state, entries)| format!("{entries} {state}"))
        .collect();
    let growth = PILES
        .iter()
        .map(|state| ground.populations.of(Protocol::TCP, state))
        .map(|population| population.growth_per_second.max(0.0))
        .sum();
    Remedy {
        title: format!("clients that vanish, most of them at tcp {port}"),
        symptom: format!("{} entries of connections that stopped half-way", states.join(", ")),
        cause: "clients that are gone in mid-handshake or before the last ACK: far away, behind a NAT that forgot them, or scanning names that are not served here; no flood, as most other connections complete"
            .to_owned(),
        check: format!(
            "conntrack -L -p tcp --dport {port} --state LAST_ACK (and SYN_RECV, FIN_WAIT): where are the sources? and the service's log: which names do they ask for?"
        ),
        owner: Some("the service".to_owned()),
        how: "answer what is not served here by closing at once (nginx: `return 444` in the default server), close idle connections sooner (keepalive_timeout, client_header_timeout, reset_timedout_connection on), fewer SYN/ACKs (net.ipv4.tcp_synack_retries=3)"
            .to_owned(),
        persist: Some("the service's configuration; net.ipv4.tcp_synack_retries in /etc/sysctl.d".to_owned()),
        basis: "all entries in these states in the last dump, the most that it can free; shorter timeouts of these states are priced apart, and count the same entries"
            .to_owned(),
        ..ground.remedy(RemedyKind::Application, Some(pile.entries()), growth)
    }
}
