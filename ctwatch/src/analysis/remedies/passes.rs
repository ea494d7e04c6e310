//! What one connection from elsewhere costs on this node, where a proxy or a sidecar passes it on: an entry each time.

use super::{
    churn::{Key, Port, ports},
    ground::Ground,
};
use crate::model::{
    endpoint::Role,
    remedy::{Remedy, RemedyKind},
};

use std::collections::BTreeMap;

/// New connections by the way they pass the node.
#[derive(Clone, Copy)]
struct Passes {
    inbound: u64,
    outbound: u64,
    loopback: u64,
}

/// `None` where hardly anything is passed on: a few connections of the node's own say nothing.
fn passes(ports: &BTreeMap<Key, Port>) -> Option<Passes> {
    let sum = |wanted: Role| -> u64 {
        let of = ports.iter().filter(|((role, _), _)| *role == Some(wanted));
        of.map(|(_, port)| port.total.inserted).sum()
    };
    let [inbound, outbound, loopback] = [Role::Inbound, Role::Outbound, Role::Loopback].map(sum);
    let passes_on = inbound > 0 && (outbound + loopback) * 2 >= inbound;
    passes_on.then_some(Passes {
        inbound,
        outbound,
        loopback,
    })
}

pub(super) fn remedies(ground: &Ground<'_>) -> Vec<Remedy> {
    let ports = ports(ground);
    let Some(passes) = passes(&ports) else {
        return Vec::new();
    };
    let onward = ports
        .iter()
        .filter(|((role, _), _)| matches!(role, Some(Role::Outbound | Role::Loopback)));
    let (mut entries, mut over) = (0, 0);
    for (_, port) in onward {
        entries += port.entries;
        over += port.over;
    }
    if !ground.is_worthwhile(entries) {
        return Vec::new();
    }
    vec![remedy(ground, passes, entries, over)]
}

fn remedy(ground: &Ground<'_>, passes: Passes, entries: u64, over: u64) -> Remedy {
    let each = |count: u64| count as f64 / passes.inbound as f64;
    let all = 1.0 + each(passes.outbound + passes.loopback);
    Remedy {
        title: format!("a connection from elsewhere costs {all:.1} entries on this node"),
        symptom: format!("{entries} entries are of connections that the node opens itself, onward or over loopback"),
        cause: format!(
            "each new connection is an entry of its own, {:.1} onward and {:.1} over loopback: a proxy or a sidecar passes it on",
            each(passes.outbound),
            each(passes.loopback)
        ),
        check: "ctwatch report --by port: `outbound` and `loopback` beside `inbound`".to_owned(),
        owner: Some("the proxy".to_owned()),
        how: "pooled or multiplexed connections from the proxy onward, a Unix socket instead of loopback, one proxy in place of two".to_owned(),
        persist: Some("the proxy's configuration".to_owned()),
        basis: "of these entries those of connections that are over; `keep connections` counts the same, port by port".to_owned(),
        ..ground.remedy(RemedyKind::Application, Some(over), 0.0)
    }
}
