//! What is said of nodes that were recorded, word for word, and which of it needs attention.

use crate::{faults, json, text};

/// Text with the exit status, JSON, and the faults among the findings.
fn shown(name: &str, expected: &[&str]) {
    let (text, status) = text(name);
    let text = format!("{text}\nexit status {}\n", status.unwrap());
    insta::assert_snapshot!(format!("{name}.text"), text);
    let json = json(name);
    insta::assert_snapshot!(
        format!("{name}.json"),
        serde_json::to_string_pretty(&json).unwrap()
    );
    assert_eq!(faults(&json), expected);
    assert_eq!(status, Some(i32::from(!expected.is_empty())));
}

#[test]
fn a_node_where_nothing_is_wrong() {
    shown("debian-6.1", &[]);
}

#[test]
fn the_same_node_as_an_ordinary_user_sees_it() {
    shown("unprivileged", &[]);
}

#[test]
fn the_newest_kernel() {
    shown("debian-7.2", &[]);
}

#[test]
fn an_old_kernel_with_both_backends_of_iptables() {
    shown("debian-5.10", &["one-set-of-rules"]);
}

#[test]
fn a_node_that_tracks_nothing() {
    shown("without-conntrack", &[]);
}

#[test]
fn a_kernel_without_kprobes() {
    shown("without-kprobes", &[]);
}

#[test]
fn kube_proxy_overwrites_what_files_say() {
    shown(
        "kube-proxy-iptables",
        &[
            "room",
            "files-in-force net.netfilter.nf_conntrack_max",
            "files-in-force net.netfilter.nf_conntrack_tcp_timeout_close_wait",
            "timeouts net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        ],
    );
}

#[test]
fn ipvs_sends_reused_ports_to_backends_that_are_gone() {
    shown(
        "kube-proxy-ipvs",
        &[
            "timeouts net.netfilter.nf_conntrack_tcp_timeout_close_wait",
            "idle-connections-survive",
            "ipvs-reused-ports-are-rescheduled",
            "ipvs-connections-of-removed-backends-expire",
        ],
    );
}

#[test]
fn docker_beside_a_firewall_of_nftables() {
    shown("docker", &["one-set-of-rules"]);
}

#[test]
fn a_node_that_is_locked_down() {
    shown("locked-down", &[]);
}

#[test]
fn a_limit_of_0_on_linux_7() {
    shown("no-room", &["limit"]);
}

#[test]
fn an_old_runbook() {
    shown(
        "centos-7",
        &[
            "buckets",
            "memory",
            "files-in-force nf_conntrack.hashsize",
            "frees-entries net.ipv4.tcp_tw_recycle",
            "idle-connections-survive",
        ],
    );
}
