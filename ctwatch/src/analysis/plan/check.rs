//! Whether a node still is as a plan has it.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use crate::model::{endpoint::Protocol, plan::Plan};

/// The node as it is now.
#[derive(Clone, Debug)]
pub struct Found {
    /// Inode number of the own network namespace.
    pub netns: u32,
    /// Addresses that the namespace has.
    pub addresses: Vec<IpAddr>,
    /// Ports of the operator's own way in.
    pub control_ports: Vec<u16>,
}

/// Why a plan must not be applied as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is for another namespace.
    OtherNetns {
        /// The plan's.
        planned: u32,
        /// The one here.
        here: u32,
    },
    /// An address that this namespace does not have.
    NotLocal(IpAddr),
    /// The operator's own way in.
    ControlPort(u16),
    /// Nothing is planned.
    Empty,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherNetns { planned, here } => write!(
                f,
                "it is for network namespace {planned}, and this is {here} (run it there: nsenter, ip netns exec; or remove \
                 netns from the plan)"
            ),
            Self::NotLocal(address) => write!(
                f,
                "{address} is none of this node's addresses (remove it from the plan, or make the plan anew)"
            ),
            Self::ControlPort(port) => write!(
                f,
                "port {port} is your own way in: SSH listens there, or this session came through it (remove it from the \
                 plan; --allow-control-port has it untracked all the same)"
            ),
            Self::Empty => f.write_str("it plans no port"),
        }
    }
}

/// What speaks against applying it, the gravest first.
#[must_use]
pub fn problems(plan: &Plan, found: &Found, allow_control_port: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if plan.ports.is_empty() {
        problems.push(Problem::Empty);
    }
    if let Some(planned) = plan.netns.filter(|netns| *netns != found.netns) {
        let here = found.netns;
        problems.push(Problem::OtherNetns { planned, here });
    }
    let mut ports: Vec<u16> = plan.ports.iter().map(|port| port.port).collect();
    let tcp = |port: &u16| {
        let same = |each: &&crate::model::plan::PlannedPort| each.port == *port;
        plan.ports
            .iter()
            .filter(same)
            .any(|each| each.protocol == Protocol::TCP)
    };
    ports.sort_unstable();
    ports.dedup();
    ports.retain(|port| !allow_control_port && tcp(port) && found.control_ports.contains(port));
    problems.extend(ports.into_iter().map(Problem::ControlPort));
    let mut addresses: Vec<IpAddr> = plan
        .ports
        .iter()
        .flat_map(|port| &port.addresses)
        .copied()
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.retain(|address| !found.addresses.contains(address));
    problems.extend(addresses.into_iter().map(Problem::NotLocal));
    problems
}

/// A table that is not as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub table: String,
    /// What became of it: `changed`, `is new`, `is gone`.
    pub how: &'static str,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, how } = self;
        write!(f, "the table {table} {how} since the plan was made")
    }
}

/// Tables whose digests are others than the plan has, if it has any; `found` are those of today.
#[must_use]
pub fn changed(plan: &Plan, found: &BTreeMap<String, String>) -> Vec<Changed> {
    let planned = plan.rulesets.iter();
    planned
        .flat_map(|planned| changes(planned, found))
        .collect()
}

fn changes<'a>(
    planned: &'a BTreeMap<String, String>,
    found: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Changed> + 'a {
    let known = planned.iter().filter_map(|(table, digest)| {
        let how = match found.get(table) {
            Some(now) if now == digest => return None,
            Some(_) => "changed",
            None => "is gone",
        };
        Some((table, how))
    });
    let new = found.keys().filter(|table| !planned.contains_key(*table));
    let all = known.chain(new.map(|table| (table, "is new")));
    all.map(|(table, how)| Changed {
        table: table.clone(),
        how,
    })
}
