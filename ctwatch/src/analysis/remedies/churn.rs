//! Connections that are opened for a moment: each leaves an entry behind for longer than it lived.

use std::collections::BTreeMap;

use super::ground::Ground;
use crate::model::{
    counters::Counters,
    endpoint::{Protocol, Role},
    remedy::{Remedy, RemedyKind},
};

/// Connections that are over.
const OVER: [&str; 2] = ["TIME_WAIT", "CLOSE"];

/// Part of a port's entries from which on it is churn.
const OF_PORT: f64 = 0.2;

/// Part of the table from which on it is worth changing a program.
const OF_TABLE: f64 = 0.02;

/// A client that opens a connection this often could keep one: seconds between two.
const EVERY_SECONDS: f64 = 60.0;

/// One port in one role, at all its addresses.
#[derive(Clone, Copy, Default)]
pub(super) struct Port {
    pub(super) entries: u64,
    pub(super) over: u64,
    established: u64,
    clients: u64,
    pub(super) total: Counters,
}

pub(super) type Key = (Option<Role>, u16);

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let ports = ports(ground);
    let churning = ports.iter().filter(|(_, port)| port.churns(ground));
    churning
        .map(|(key, port)| remedy(ground, *key, port))
        .collect()
}

pub(super) fn ports(ground: &Ground<'_>) -> BTreeMap<Key, Port> {
    let mut ports: BTreeMap<Key, Port> = BTreeMap::new();
    for endpoint in ground.endpoints() {
        if endpoint.protocol != Protocol::TCP {
            continue;
        }
        let port = ports.entry((endpoint.role, endpoint.port)).or_default();
        port.total += ground.total(&endpoint);
        if let Some(seen) = ground.seen(&endpoint) {
            let of = |state| seen.states.get(state).unwrap_or(0);
            port.entries += seen.entries;
            port.over += OVER.into_iter().map(of).sum::<u64>();
            port.established += of("ESTABLISHED");
            port.clients = port.clients.max(seen.clients);
        }
    }
    ports
}

impl Port {
    fn churns(&self, ground: &Ground<'_>) -> bool {
        let enough = self.over as f64 >= self.entries as f64 * OF_PORT
            && self.frees() as f64 >= ground.entries() as f64 * OF_TABLE;
        enough
            && self
                .seconds_between(ground)
                .is_some_and(|seconds| seconds <= EVERY_SECONDS)
    }

    /// Of one client's connections.
    fn seconds_between(&self, ground: &Ground<'_>) -> Option<f64> {
        let rate = self.total.inserted as f64 / ground.window;
        (rate > 0.0).then(|| self.clients.max(1) as f64 / rate)
    }

    /// Each client keeps as many connections as there are open now, and one at least.
    fn frees(&self) -> u64 {
        let kept = self.clients.saturating_sub(self.established);
        self.over.saturating_sub(kept)
    }
}

fn remedy(ground: &Ground<'_>, (role, number): Key, port: &Port) -> Remedy {
    let rate = port.total.inserted as f64 / ground.window;
    let between = port.seconds_between(ground).unwrap_or(0.0);
    let (who, how) = whom(role, port.clients);
    Remedy {
        title: format!("keep connections to tcp {number} open"),
        symptom: format!(
            "{rate:.1} new connections a second to tcp {number}, {} of its {} entries are of connections that are over",
            port.over, port.entries
        ),
        cause: format!(
            "{}, and close it; each entry then stays in TIME_WAIT",
            opened(port, between)
        ),
        check: format!(
            "ctwatch report --by client --port {number}; conntrack -L -p tcp --dport {number} --state TIME_WAIT (`ss -s` counts sockets, not entries)"
        ),
        owner: Some(who.to_owned()),
        how: how.to_owned(),
        persist: Some("the program's configuration".to_owned()),
        basis: "entries of connections that are over in the last dump, less one kept open for each client".to_owned(),
        ..ground.remedy(RemedyKind::Application, Some(port.frees()), 0.0)
    }
}

/// Who opens how many.
fn opened(port: &Port, seconds_between: f64) -> String {
    match (port.clients, seconds_between) {
        (1, between) if between < 1.0 => {
            format!("one client opens {:.0} a second", 1.0 / between.max(1e-6))
        }
        (1, between) => format!("one client opens one every {between:.1} s"),
        (clients, between) if between < 1.0 => {
            format!(
                "{clients} clients open {:.0} a second each",
                1.0 / between.max(1e-6)
            )
        }
        (clients, between) => format!("{clients} clients open one every {between:.1} s each"),
    }
}

/// Whose configuration it is, and what to change there.
fn whom(role: Option<Role>, clients: u64) -> (&'static str, &'static str) {
    /// A load balancer has a dozen addresses; users have all.
    const FEW: u64 = 50;
    match role {
        Some(Role::Outbound | Role::Loopback) => (
            "the program on this node that opens them",
            "a pool, or keep-alive, towards what it asks (nginx: `keepalive` in the upstream, with proxy_http_version 1.1 and an empty Connection header); tcp_tw_reuse frees no entry",
        ),
        _ if clients <= FEW => (
            "the few clients that ask: load balancer, proxy, health check",
            "keep-alive from them to this service, a pool of connections, health checks less often",
        ),
        _ => (
            "the service",
            "keep connections open for longer (HTTP keep-alive, nginx: keepalive_timeout and keepalive_requests; HTTP/2)",
        ),
    }
}
