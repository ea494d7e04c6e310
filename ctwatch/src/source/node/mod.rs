//! The node itself: its namespaces, addresses, settings and rulesets.

use crate::model::node::{Address, Node};

pub mod address;
mod control_port;
mod machine;
pub mod netns;
pub(crate) mod ruleset;
mod sysctl;

use netns::{Scanner, Seen};

/// Reads the node's facts; `own_only` leaves other network namespaces alone. What cannot be read is named in
/// [`Node::unread`]; rulesets, settings and control ports are those of the own namespace.
#[must_use]
pub fn read(own_only: bool) -> Node {
    let mut unread = Vec::new();
    let mut or_unread = |what: &str, reason: String| unread.push(format!("{what}: {reason}"));
    let hostname = machine::value("/proc/sys/kernel/hostname").unwrap_or_else(|reason| {
        or_unread("host name", reason);
        String::new()
    });
    let kernel = kernel_release().unwrap_or_else(|reason| {
        or_unread("kernel release", reason);
        String::new()
    });
    let cpus = machine::possible_cpus().unwrap_or_else(|reason| {
        or_unread("number of CPUs", reason);
        0
    });
    let hz = machine::hz()
        .map_err(|reason| or_unread("tick rate, lifetimes are unknown", reason))
        .ok();
    let namespaces = namespaces(own_only, &mut unread);
    let own = namespaces.iter().find(|seen| seen.own);
    Node {
        hostname,
        kernel,
        cpus,
        hz,
        sysctls: sysctl::read(&mut unread),
        addresses: addresses(&namespaces, &mut unread),
        namespaces: namespaces.iter().map(Seen::namespace).collect(),
        control_ports: control_port::read(&mut unread),
        rulesets: own.map_or_else(Vec::new, |own| ruleset::read(own, &mut unread)),
        unread,
    }
}

/// `uname -r`, or why it cannot be read.
///
/// # Errors
/// When /proc cannot be read.
pub fn kernel_release() -> Result<String, String> {
    machine::value("/proc/sys/kernel/osrelease")
}

/// The namespaces that can be seen, the own first; `own_only` leaves the others alone. What cannot be seen is added
/// to `unread`.
pub fn namespaces(own_only: bool, unread: &mut Vec<String>) -> Vec<Seen> {
    if own_only {
        return match netns::own() {
            Ok(own) => vec![own],
            Err(error) => {
                unread.push(format!("own network namespace: {error}"));
                Vec::new()
            }
        };
    }
    let mut scanner = Scanner::new();
    let namespaces = scanner.scan().unwrap_or_else(|error| {
        unread.push(format!("network namespaces: {error}"));
        Vec::new()
    });
    if scanner.hidden() > 0 {
        unread.push(format!(
            "network namespaces: processes that may not be looked at: {} (needs CAP_SYS_PTRACE)",
            scanner.hidden()
        ));
    }
    namespaces
}

fn addresses(namespaces: &[Seen], unread: &mut Vec<String>) -> Vec<Address> {
    let mut addresses = Vec::new();
    let all = address::read_all(namespaces).unwrap_or_else(|error| vec![Err(error)]);
    for result in all {
        match result {
            Ok(list) => addresses.extend(list),
            Err(error) => unread.push(format!("addresses: {error}")),
        }
    }
    addresses
}
