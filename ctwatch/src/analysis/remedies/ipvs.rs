//! IPVS beside conntrack: reused client ports that go to old backends, backends that are drained or gone, and entries
//! that stand for connections which IPVS tracks itself.

use super::{ground::Ground, place};
use crate::model::{
    counters::Counters,
    endpoint::Endpoint,
    ipvs::{BackendState, IpvsTable, ServiceKey, VirtualService},
    remedy::{Remedy, RemedyKind},
    translated::{Translated, TranslatedEntries},
    unobserved::Figure,
};

const REUSE: &str = "net.ipv4.vs.conn_reuse_mode";
const CONNTRACK: &str = "net.ipv4.vs.conntrack";
const NODEST: &str = "net.ipv4.vs.expire_nodest_conn";

/// Backends named one by one.
const NAMED: usize = 3;

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let Some(table) = ground.ipvs.filter(|table| !table.services.is_empty()) else {
        return Vec::new();
    };
    let all = [
        reuse(ground, table),
        drained(ground, table),
        gone(ground, table),
        twice(ground, table),
    ];
    all.into_iter().flatten().collect()
}

/// Endpoints that are services of IPVS; those of addresses that are not the node's own are not known by address.
fn services<'t>(ground: &Ground<'_>, table: &'t IpvsTable) -> Vec<(Endpoint, &'t VirtualService)> {
    let endpoints = ground.endpoints().into_iter();
    endpoints
        .filter_map(|endpoint| {
            let address = endpoint.address?;
            let service = table.service_at(endpoint.protocol, address, endpoint.port)?;
            Some((endpoint, service))
        })
        .collect()
}

/// Documentation/networking/ipvs-sysctl.rst, conn_reuse_mode.
fn reuse(ground: &Ground<'_>, table: &IpvsTable) -> Option<Remedy> {
    if ground.number(REUSE)? != 0 {
        return None;
    }
    let mut total = Counters::default();
    for (endpoint, _) in services(ground, table) {
        total += ground.total(&endpoint);
    }
    let unobserved = &ground.recording.header.unobserved;
    let counted = unobserved.is_observed(Figure::Reopened);
    let reused = match counted {
        true => format!(
            "{} SYNs reopened an entry and {} met one that was not over, in the recording",
            total.reopened, total.syn_ignored
        ),
        false => "how often ports were reused was not seen".to_owned(),
    };
    Some(Remedy {
        title: format!("{REUSE} = 1: a reused client port gets a backend anew"),
        setting: Some(REUSE.to_owned()),
        from: Some("0".to_owned()),
        to: Some("1".to_owned()),
        symptom: "callers fail while backends are replaced, also after these were drained".to_owned(),
        cause: format!("with 0 a new connection from a client port that was used before goes to the backend it went to then, as long as the old connection is known; {reused}"),
        check: "conntrack -L -d SERVICE: does the reply direction name a backend that `ipvsadm -Ln` has not? ipvsadm -Lnc".to_owned(),
        owner: place::has_kube_proxy(ground).then(|| "kube-proxy".to_owned()),
        how: format!("sysctl -w {REUSE}=1 on Linux 5.9 or later (before, each reused port then waits a second); kube-proxy since 1.22 leaves it alone there, older ones set 0"),
        persist: Some(format!("{REUSE} = 1 in /etc/sysctl.d/90-conntrack.conf; under a kube-proxy that sets it, a newer kube-proxy")),
        basis: "frees no entry: it is about where connections go".to_owned(),
        ..ground.remedy(RemedyKind::Ipvs, None, 0.0)
    })
}

/// Backends that get no new connection and still have old ones.
fn drained(ground: &Ground<'_>, table: &IpvsTable) -> Option<Remedy> {
    let (service, backend) = table.drained().next()?;
    let counts = table.drained().map(|(_, backend)| backend.connections);
    let counted = counts.sum::<Option<u64>>();
    // `ipvsadm -Sn` does not count; a dump shows those that are tracked.
    let dumped = translated(ground, table, BackendState::Drained);
    let dumped: u64 = dumped.iter().map(|(_, _, entries)| entries).sum();
    let connections = counted.or((dumped > 0).then_some(dumped));
    if connections == Some(0) {
        return None;
    }
    let names = drained_names(table);
    let tracked = ground.number(CONNTRACK) != Some(0);
    Some(Remedy {
        title: format!("{} backends of weight 0 that still have connections", table.drained().count()),
        symptom: match connections {
            Some(connections) => format!("{connections} connections at backends of weight 0: {names}"),
            None => format!("backends of weight 0: {names}"),
        },
        cause: "a drained backend keeps the connections it has, and clients of persistent services too, until their timeouts; when it is taken away they hang".to_owned(),
        check: "ipvsadm -Ln --rate; ipvsadm -Lnc | grep BACKEND".to_owned(),
        owner: None,
        how: format!(
            "sysctl -w {NODEST}=1 net.ipv4.vs.expire_quiescent_template=1; once a backend is gone: {}",
            delete(service.key, &backend.address.to_string())
        ),
        persist: Some(format!("{NODEST} = 1 and net.ipv4.vs.expire_quiescent_template = 1 in /etc/sysctl.d/90-conntrack.conf")),
        basis: match counted {
            Some(_) => "IPVS's own count of these backends' connections; each is an entry as well where net.ipv4.vs.conntrack = 1".to_owned(),
            None if dumped > 0 => "translated entries of the last dump, by where they lead; `ipvsadm -Sn` does not count connections".to_owned(),
            None => "`ipvsadm -Sn` does not count connections; /proc/net/ip_vs does".to_owned(),
        },
        ..ground.remedy(RemedyKind::Ipvs, connections.filter(|_| tracked), 0.0)
    })
}

fn drained_names(table: &IpvsTable) -> String {
    named(table.drained().map(|(service, backend)| {
        let socket = std::net::SocketAddr::new(backend.address, backend.port);
        format!("{socket} of {}", service.key)
    }))
}

/// The first of them by name.
fn named(all: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = all.collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    format!("{}{more}", names.join(", "))
}

/// The command that deletes a service's entries at a backend.
fn delete(key: ServiceKey, backend: &str) -> String {
    match key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => format!(
            "conntrack -D -p {protocol} --orig-dst {address} --orig-port-dst {port} --reply-src {backend}"
        ),
        ServiceKey::Mark(_) => format!("conntrack -D --reply-src {backend}"),
    }
}

/// Entries whose translation names a backend that the service has no more.
fn gone(ground: &Ground<'_>, table: &IpvsTable) -> Option<Remedy> {
    let lost = translated(ground, table, BackendState::Gone);
    let (first, way, _) = lost.first()?;
    let entries: u64 = lost.iter().map(|(_, _, entries)| entries).sum();
    let names =
        named(lost.iter().map(|(service, way, entries)| {
            format!("{entries} of {} at {}", service.key, way.backend)
        }));
    let commands = lost.iter().take(NAMED);
    let commands: Vec<String> = commands
        .map(|(service, way, _)| delete(service.key, &way.backend.ip().to_string()))
        .collect();
    Some(Remedy {
        title: "entries at backends that are gone".to_owned(),
        symptom: format!("{entries} entries are translated to backends that their service has not: {names}"),
        cause: "entries outlive their backend: packets of these clients, and new connections from the same port, go there and are lost".to_owned(),
        check: format!("ipvsadm -Ln (has {} a backend {}?); conntrack -L --reply-src {}", first.key, way.backend, way.backend.ip()),
        owner: None,
        how: commands.join("; "),
        persist: Some(format!("{NODEST} = 1 and {REUSE} = 1 in /etc/sysctl.d/90-conntrack.conf")),
        basis: "translated entries of the last dump, by where they lead".to_owned(),
        ..ground.remedy(RemedyKind::Ipvs, Some(entries), 0.0)
    })
}

/// Entries of the last dump at backends in this state, with their service and their number.
fn translated<'t>(
    ground: &Ground<'_>,
    table: &'t IpvsTable,
    state: BackendState,
) -> Vec<(&'t VirtualService, Translated, u64)> {
    let rows = ground.dump.map_or(&[][..], |dump| &dump.translated);
    rows.iter()
        .filter_map(|TranslatedEntries { way, entries }| {
            let service = table.service_at(way.protocol, way.service.ip(), way.service.port())?;
            let found = service.state_of(way.backend.ip(), way.backend.port());
            (found == state).then_some((service, *way, *entries))
        })
        .collect()
}

/// IPVS and conntrack both track the same connections.
fn twice(ground: &Ground<'_>, table: &IpvsTable) -> Option<Remedy> {
    // kube-proxy masquerades what IPVS forwards, for which it needs the entries.
    if ground.number(CONNTRACK)? == 0 || place::has_kube_proxy(ground) {
        return None;
    }
    let seen = services(ground, table).into_iter();
    let entries: u64 = seen
        .filter_map(|(endpoint, _)| ground.seen(&endpoint))
        .map(|seen| seen.entries)
        .sum();
    ground.is_worthwhile(entries).then(|| Remedy {
        title: format!("{CONNTRACK} = 0: what IPVS forwards is tracked once"),
        setting: Some(CONNTRACK.to_owned()),
        from: Some("1".to_owned()),
        to: Some("0".to_owned()),
        symptom: format!("{entries} entries at services of IPVS, which keeps a connection of its own for each"),
        cause: format!("{CONNTRACK} = 1 keeps the entries of what IPVS forwards, for rules that look at them"),
        check: "ipvsadm -Lnc | wc -l; is there a rule that masquerades, or accepts by state, what IPVS forwards? (iptables-save | grep -E 'ipvs|MASQUERADE|ctstate')".to_owned(),
        owner: None,
        how: format!("only if no such rule is there: sysctl -w {CONNTRACK}=0"),
        persist: Some(format!("{CONNTRACK} = 0 in /etc/sysctl.d/90-conntrack.conf")),
        basis: "entries at IPVS's services in the last dump".to_owned(),
        ..ground.remedy(RemedyKind::Ipvs, Some(entries), 0.0)
    })
}
