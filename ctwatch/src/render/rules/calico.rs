//! Policies for Calico: what a `doNotTrack` policy allows at a host endpoint goes untracked, in its raw chains. It needs
//! `applyOnForward`, and an entry for each direction, since there is no connection that replies would belong to
//! (docs.tigera.io, "Host endpoints", "Untracked policies").

use std::{collections::BTreeMap, fmt::Write, net::IpAddr};

use crate::model::{
    endpoint::Protocol,
    notrack::{Direction, NotrackRule, OWNER},
};

/// A port's policy: the rules of its directions.
type Ports<'r> = BTreeMap<(Protocol, u16), Vec<&'r NotrackRule>>;

/// Policies for rules, one a port, at the host endpoints of a node; nothing for none. Clients on the node itself are
/// left out: loopback is no host endpoint.
#[must_use]
pub fn policies(rules: &[NotrackRule], hostname: &str) -> String {
    let mut text = String::new();
    for ((protocol, port), rules) in by_port(rules) {
        let _ = write!(
            text,
            "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata:\n  name: {}\nspec:\n  \
             order: 0\n  selector: kubernetes.io/hostname == {}\n  types: [{}]\n  doNotTrack: true\n  \
             applyOnForward: true\n",
            name(protocol, port, hostname),
            quoted(hostname),
            types(&rules)
        );
        direction(&mut text, "ingress", protocol, port, &rules);
        direction(&mut text, "egress", protocol, port, &rules);
    }
    text
}

/// The command that takes a port's policy back, for each port.
#[must_use]
pub fn undo(rules: &[NotrackRule], hostname: &str) -> Vec<String> {
    let ports = by_port(rules).into_keys();
    ports
        .map(|(protocol, port)| {
            let name = name(protocol, port, hostname);
            format!("kubectl delete globalnetworkpolicies.projectcalico.org {name}")
        })
        .collect()
}

fn by_port(rules: &[NotrackRule]) -> Ports<'_> {
    let mut ports = Ports::new();
    for rule in rules.iter().filter(|rule| is_outside(rule.direction)) {
        ports
            .entry((rule.protocol, rule.port))
            .or_default()
            .push(rule);
    }
    ports
}

fn is_outside(direction: Direction) -> bool {
    !matches!(
        direction,
        Direction::LocalRequests | Direction::LocalReplies
    )
}

/// Names are lower case letters, digits, dashes and dots (RFC 1123), and a policy is one node's.
fn name(protocol: Protocol, port: u16, hostname: &str) -> String {
    let plain: String = hostname
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let node = plain.trim_matches('-');
    format!("{OWNER}-notrack-{protocol}-{port}-{node}")
        .trim_end_matches('-')
        .to_owned()
}

/// A name within a selector, between quotes of YAML's and of its own; a name has neither. Where it is not known, what
/// Calico refuses: a selector that matches nothing would be taken and do nothing.
fn quoted(hostname: &str) -> String {
    if hostname.is_empty() {
        return "NAME-OF-THE-NODE".to_owned();
    }
    let plain: String = hostname
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .collect();
    format!("'{plain}'")
}

/// A direction that was there already by another's rule has none.
fn types(rules: &[&NotrackRule]) -> String {
    let has = |incoming: bool| rules.iter().any(|rule| is_incoming(rule) == incoming);
    let types = [("Ingress", has(true)), ("Egress", has(false))];
    let present = types.iter().filter(|(_, present)| *present);
    present
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn is_incoming(rule: &NotrackRule) -> bool {
    rule.direction.chain() == "PREROUTING"
}

fn direction(
    text: &mut String,
    which: &str,
    protocol: Protocol,
    port: u16,
    rules: &[&NotrackRule],
) {
    let incoming = which == "ingress";
    let of: Vec<&&NotrackRule> = rules
        .iter()
        .filter(|rule| is_incoming(rule) == incoming)
        .collect();
    let Some(first) = of.first() else {
        return;
    };
    let own = if incoming { "destination" } else { "source" };
    let nets: Vec<String> = of.iter().map(|rule| net(rule.address)).collect();
    let protocol = calico_name(protocol);
    let nets = nets.join(", ");
    let _ = write!(
        text,
        "  {which}:\n  - action: Allow\n    protocol: {protocol}\n    {own}:\n      nets: [{nets}]\n"
    );
    // Both directions of an encapsulation carry the same destination port.
    if first.direction.port_is_destination() && !incoming {
        let _ = write!(text, "    destination:\n      ports: [{port}]\n");
    } else {
        let _ = writeln!(text, "      ports: [{port}]");
    }
}

/// One address as a net; between quotes, as IPv6's colons mean something to YAML.
fn net(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("\"{address}/32\""),
        IpAddr::V6(address) => format!("\"{address}/128\""),
    }
}

/// Calico knows some protocols by name, others by number.
fn calico_name(protocol: Protocol) -> String {
    match protocol {
        Protocol::TCP => "TCP".to_owned(),
        Protocol::UDP => "UDP".to_owned(),
        Protocol::SCTP => "SCTP".to_owned(),
        Protocol(number) => number.to_string(),
    }
}
