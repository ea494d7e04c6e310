//! Rules in nftables' own form.

use crate::truth::setup::{BARE, Place, Service, Setup, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "nft-open",
        built: "nftables: counters of new connections alone",
        prepare: "nft -f - <<'END'
            table inet lab {
                chain input { type filter hook input priority 0; ct state new counter; }
            }\nEND",
        ..BARE
    },
    Setup {
        name: "nft-stateless",
        built: "nftables: accepts the port and ICMP, drops the rest",
        prepare: "nft -f - <<'END'
            table inet lab {
                chain input {
                    type filter hook input priority 0; policy drop;
                    ct state established counter accept
                    meta l4proto { icmp, ipv6-icmp } accept
                    tcp dport { 80, 443 } accept
                }
            }\nEND",
        ..BARE
    },
    Setup {
        name: "nft-stateful",
        built: "nftables: accepts new connections of the port, and what is established",
        prepare: "nft -f - <<'END'
            table inet lab {
                chain input {
                    type filter hook input priority 0; policy drop;
                    ct state vmap { established : accept, related : accept, invalid : drop }
                    tcp dport 443 ct state new accept
                }
            }\nEND",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "nft-dnat",
        built: "nftables: a port is DNATed to a pod",
        prepare: "nft -f - <<'END'
            table ip lab {
                chain before {
                    type nat hook prerouting priority -100;
                    ip daddr 203.0.113.10 tcp dport 443 dnat to 10.0.0.2:8080
                }
            }\nEND",
        subject: Subject::tcp(VIP, 443),
        services: &[Service::tcp(Place::Pod, "10.0.0.2", 8080)],
        visits: &[Visit::to(Place::Client, VIP, 443)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "nft-other-ports-translated",
        built: "nftables: another port is DNATed, pods are masqueraded",
        prepare: "nft -f - <<'END'
            table ip lab {
                chain before {
                    type nat hook prerouting priority -100;
                    fib daddr type local tcp dport 8080 dnat to 10.0.0.2:80
                }
                chain after {
                    type nat hook postrouting priority 100;
                    ip saddr 10.0.0.0/24 masquerade
                }
            }\nEND",
        ..BARE
    },
];
