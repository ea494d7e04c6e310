//! Where a setting is changed so that it stays changed.

use super::ground::Ground;
use crate::{
    analysis::ownership::{
        self,
        kube_proxy::{self, LEAST, PER_CORE},
    },
    model::doctor::facts::ProgramKind,
};

const CLOSE_WAIT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
const MAX: &str = "net.netfilter.nf_conntrack_max";
const FILE: &str = "/etc/sysctl.d/90-conntrack.conf";

/// Who sets a setting, and how it is changed now and for good.
pub(super) struct Place {
    /// `kube-proxy`, a file with its line, or `None` for nobody known.
    pub(super) owner: Option<String>,
    /// The evidence that it is he, in words.
    pub(super) evidence: String,
    pub(super) how: String,
    pub(super) persist: String,
}

/// Of a timeout that is to have `to` seconds.
pub(super) fn of_timeout(ground: &Ground<'_>, name: &str, from: u64, to: u64) -> Place {
    let choice = kube_proxy::timeout_choice(name);
    match (choice, kube_proxy(ground, name, from)) {
        (Some(choice), Some(evidence)) => Place {
            owner: Some("kube-proxy".to_owned()),
            evidence,
            how: format!("{}={to}s", choice.flag),
            persist: in_configuration(&format!("{}: {to}s", choice.key), choice.flag),
        },
        _ => by_sysctl(ground, name, from, to),
    }
}

/// Of a limit that is to have `to` entries.
pub(super) fn of_limit(ground: &Ground<'_>, from: u64, to: u64) -> Place {
    let Some(evidence) = kube_proxy(ground, MAX, from) else {
        return by_sysctl(ground, MAX, from, to);
    };
    let (per_core, least) = (PER_CORE.0, LEAST.0);
    let cpus = u64::from(ground.recording.node.cpus.max(1));
    let each = to.div_ceil(cpus);
    Place {
        owner: Some("kube-proxy".to_owned()),
        evidence,
        how: format!("{}={each} {}={to}", per_core.flag, least.flag),
        persist: in_configuration(
            &format!("{}: {each}, {}: {to}", per_core.key, least.key),
            per_core.flag,
        ),
    }
}

/// Of the number of buckets: a parameter of the module. kube-proxy only ever raises it, to a quarter of the limit.
pub(super) fn of_buckets(to: u64) -> (String, String) {
    (
        format!("echo {to} > /sys/module/nf_conntrack/parameters/hashsize"),
        format!("options nf_conntrack hashsize={to} in /etc/modprobe.d/nf_conntrack.conf"),
    )
}

fn in_configuration(fields: &str, flag: &str) -> String {
    format!(
        "conntrack: {{{fields}}} in kube-proxy's configuration (kubeadm: ConfigMap kube-proxy in kube-system), which \
         wins over {flag}; then restart kube-proxy, which overwrites a sysctl at each start"
    )
}

/// The evidence that kube-proxy set a value: its process and what it was told; else that it is the value that
/// kube-proxy sets by itself, on a node that has other traces of it.
fn kube_proxy(ground: &Ground<'_>, name: &str, value: u64) -> Option<String> {
    if let Some(owner) = kube_proxy::owner(&ground.facts, name, value) {
        return Some(owner.who);
    }
    let mut programs = ground.facts.programs.iter();
    // It runs, and was told another value.
    if programs.any(|program| program.kind == ProgramKind::KubeProxy) {
        return None;
    }
    let cpus = u64::from(ground.recording.node.cpus);
    if !kube_proxy::is_typical(name, value, cpus) {
        return None;
    }
    let trace = match (ground.has_kube_chains, has_kube_hour(ground)) {
        (true, _) => "rules of kube-proxy's stand on this node",
        (false, true) => "CLOSE_WAIT has kube-proxy's hour",
        (false, false) => return None,
    };
    let process = match ground.known.programs {
        None => "its process was not looked at",
        Some(_) => "its process is not among those that can be seen here",
    };
    Some(format!(
        "kube-proxy, as its traces say: {value} is what it sets by itself, and {trace}; {process}"
    ))
}

/// Whether anything says that kube-proxy is at work on the node.
pub(super) fn has_kube_proxy(ground: &Ground<'_>) -> bool {
    let mut programs = ground.facts.programs.iter();
    ground.has_kube_chains
        || has_kube_hour(ground)
        || programs.any(|program| program.kind == ProgramKind::KubeProxy)
}

/// Nobody else keeps CLOSE_WAIT for an hour.
fn has_kube_hour(ground: &Ground<'_>) -> bool {
    let cpus = u64::from(ground.recording.node.cpus);
    let value = ground.number(CLOSE_WAIT);
    value.is_some_and(|value| kube_proxy::is_typical(CLOSE_WAIT, value, cpus))
}

fn by_sysctl(ground: &Ground<'_>, name: &str, from: u64, to: u64) -> Place {
    let owner = ownership::owner(&ground.facts, name, from).map(|owner| owner.who);
    let file = ownership::last(&ground.facts, name).map_or(FILE, |line| line.file.as_str());
    Place {
        evidence: owner.clone().unwrap_or_default(),
        owner,
        how: format!("sysctl -w {name}={to}"),
        persist: format!(
            "{name} = {to} in {file}, and nf_conntrack in /etc/modules-load.d/nf_conntrack.conf, so that it is there \
             when the file is applied"
        ),
    }
}
