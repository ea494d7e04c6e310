//! Reads plans, and fingerprints what they were made from.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;
use thiserror::Error;

use crate::model::{
    endpoint::Protocol,
    notrack::{AcceptRule, Accepted, Direction, NotrackRule, OWNER},
    plan::{Plan, PlanBackend, PlannedPort, VERSION},
};

mod fingerprint;
#[cfg(test)]
mod tests;

pub use fingerprint::fingerprint;

/// Why a text is no plan.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// No TOML, or a key that plans do not have, or lack.
    #[error("{0}")]
    Syntax(String),
    /// Another version's.
    #[error(
        "it is of version {0}, this program reads version {VERSION} (make it anew: ctwatch advise --plan)"
    )]
    Version(u32),
    /// A port that cannot be meant so.
    #[error("port {number} (the {place}. of the plan): {problem}")]
    Port {
        /// Port.
        number: u16,
        /// Place among the ports, from 1.
        place: usize,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: u32,
    made: Option<String>,
    backend: PlanBackend,
    netns: Option<u32>,
    #[serde(default)]
    port: Vec<Port>,
    rulesets: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Port {
    protocol: String,
    port: u16,
    addresses: Vec<IpAddr>,
    directions: Vec<Direction>,
    #[serde(default)]
    accept: Vec<Accept>,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accept {
    table: String,
    chain: String,
    before: Option<usize>,
    packets: String,
    address: IpAddr,
}

/// Just the version: the rest of another one may look otherwise.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Reads a plan.
///
/// # Errors
/// When it is none, or asks for what no plan of ctwatch's would.
pub fn read(text: &str) -> Result<Plan, PlanError> {
    let syntax =
        |error: toml::de::Error| PlanError::Syntax(error.to_string().trim_end().to_owned());
    let Version { version } = toml::from_str(text).map_err(syntax)?;
    if version != VERSION {
        return Err(PlanError::Version(version));
    }
    let file: File = toml::from_str(text).map_err(syntax)?;
    let mut ports = Vec::with_capacity(file.port.len());
    for (at, port) in file.port.into_iter().enumerate() {
        let number = port.port;
        ports.push(
            planned(port, file.backend).map_err(|problem| PlanError::Port {
                number,
                place: at + 1,
                problem,
            })?,
        );
    }
    Ok(Plan {
        made: file.made,
        backend: file.backend,
        netns: file.netns,
        rulesets: file.rulesets,
        ports,
    })
}

fn planned(port: Port, backend: PlanBackend) -> Result<PlannedPort, String> {
    let protocol = Protocol::from_name(&port.protocol)
        .filter(|protocol| protocol.has_ports())
        .ok_or_else(|| {
            format!(
                "protocol {:?} is none with ports (tcp, udp, sctp)",
                port.protocol
            )
        })?;
    if port.port == 0 {
        return Err("there is no port 0".to_owned());
    }
    if port.addresses.is_empty() {
        return Err("it has no addresses (remove the port, or name at least one)".to_owned());
    }
    if let Some(address) = port
        .addresses
        .iter()
        .find(|a| a.is_unspecified() || a.is_multicast())
    {
        return Err(format!("{address} is no address that a service has"));
    }
    if port.directions.is_empty() {
        return Err(
            "it has no directions (remove the port, or name requests and replies)".to_owned(),
        );
    }
    let accepts = port.accept.iter();
    let accepts = accepts.map(|accept| rule(accept, backend, protocol, port.port));
    Ok(PlannedPort {
        protocol,
        port: port.port,
        accepts: accepts.collect::<Result<_, _>>()?,
        addresses: port.addresses,
        directions: port.directions,
        note: port.note,
    })
}

/// Whether a program takes these names for what they are: they become words of what it reads.
fn check_place(backend: PlanBackend, table: &str, chain: &str) -> Result<(), String> {
    const TABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    let is_built_in = TABLES.contains(&table) && CHAINS.contains(&chain);
    let native = table.split_once(' ').filter(|(family, name)| {
        ["ip", "ip6", "inet"].contains(family) && is_name(name) && is_name(chain)
    });
    let is_native = native.is_some_and(|(_, name)| name != OWNER);
    if is_native || is_built_in && backend == PlanBackend::Iptables {
        return Ok(());
    }
    Err(if is_built_in {
        "accept rules in chains of iptables need backend = \"iptables\"".to_owned()
    } else {
        format!(
            "{table} {chain} is no built-in chain of iptables, and no chain of somebody's table of nftables (\"inet filter\")"
        )
    })
}

/// What nft takes for a name without quotes.
fn is_name(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
}

fn rule(
    accept: &Accept,
    backend: PlanBackend,
    protocol: Protocol,
    port: u16,
) -> Result<AcceptRule, String> {
    let Accept {
        table,
        chain,
        address,
        ..
    } = accept;
    check_place(backend, table, chain)?;
    if accept.before == Some(0) {
        return Err("rules are counted from 1 (before = 1 is the first)".to_owned());
    }
    let direction = Direction::ALL
        .into_iter()
        .find(|d| d.as_str() == accept.packets);
    let packets = match direction {
        Some(direction) => Accepted::Untracked(NotrackRule {
            direction,
            address: *address,
            protocol,
            port,
        }),
        None if accept.packets == "too-big" => Accepted::TooBig(*address),
        None => {
            return Err(format!(
                "packets {:?} of an accept rule are none of requests, replies, local-requests, local-replies, \
                 tunnelled and too-big",
                accept.packets
            ));
        }
    };
    Ok(AcceptRule {
        table: table.clone(),
        chain: chain.clone(),
        before: accept.before,
        handle: None,
        packets,
    })
}
