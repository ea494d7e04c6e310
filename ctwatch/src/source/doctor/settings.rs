//! Sysctls by their dotted names.

use std::collections::BTreeMap;

use super::tree::Tree;
use crate::model::doctor::Told;

/// Beside those of conntrack; what a kernel does not have is absent.
const NAMED: [&str; 13] = [
    "net.nf_conntrack_max",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.vs.conn_reuse_mode",
    "net.ipv4.vs.conntrack",
    "net.ipv4.vs.expire_nodest_conn",
    "net.ipv4.vs.expire_quiescent_template",
    "net.core.bpf_jit_enable",
    "kernel.ftrace_enabled",
    "kernel.modules_disabled",
];

/// The module's parameter, under the name it has on the kernel's command line.
const HASHSIZE: (&str, &str) = (
    "nf_conntrack.hashsize",
    "/sys/module/nf_conntrack/parameters/hashsize",
);

const CONNTRACK: &str = "/proc/sys/net/netfilter";

pub(super) fn read(tree: &Tree) -> BTreeMap<String, Told<String>> {
    let named = NAMED.iter().map(|name| (*name).to_owned());
    let conntrack = tree.names(CONNTRACK);
    let conntrack = conntrack.value().into_iter().flatten();
    let conntrack = conntrack
        .filter(|name| name.starts_with("nf_conntrack_"))
        .map(|name| format!("net.netfilter.{name}"));
    let mut settings: BTreeMap<String, Told<String>> = named
        .chain(conntrack)
        .map(|name| {
            let value = tree.text(&format!("/proc/sys/{}", name.replace('.', "/")));
            (name, value)
        })
        .collect();
    settings.insert(HASHSIZE.0.to_owned(), tree.text(HASHSIZE.1));
    settings
}
