//! Connections that pass the node, or that it opens.

use crate::truth::setup::{BARE, Place, Service, Setup, Subject, Truth, Visit};

const POD: &[Service] = &[Service::tcp(Place::Pod, "10.0.0.2", 443)];
const VISITS: &[Visit] = &[Visit::to(Place::Client, "10.0.0.2", 443)];
const ROUTE: &[(Place, &str)] = &[(Place::Client, "ip route add 10.0.0.0/24 via 192.0.2.1")];

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "forwarded",
        built: "connections pass the node, no filter",
        prepare: "track",
        elsewhere: ROUTE,
        subject: Subject::tcp("10.0.0.2", 443),
        services: POD,
        visits: VISITS,
        expected: Truth::Idle,
    },
    Setup {
        name: "forwarded-filter",
        built: "connections pass the node, whose filter accepts NEW and what is established",
        prepare: "iptables -P FORWARD DROP
            iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            iptables -A FORWARD -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        elsewhere: ROUTE,
        subject: Subject::tcp("10.0.0.2", 443),
        services: POD,
        visits: VISITS,
        expected: Truth::Breaks,
    },
    Setup {
        name: "flowtable",
        built: "connections pass the node in a flowtable",
        prepare: "nft -f - <<'END'
            table inet fast {
                flowtable f { hook ingress priority 0; devices = { up0, in0 }; }
                chain forward {
                    type filter hook forward priority 0;
                    meta l4proto tcp flow add @f
                    ct state new counter
                }
            }\nEND",
        elsewhere: ROUTE,
        subject: Subject::tcp("10.0.0.2", 443),
        services: POD,
        visits: VISITS,
        expected: Truth::Idle,
    },
    Setup {
        name: "outbound",
        built: "connections that the node opens",
        prepare: "track",
        subject: Subject::tcp("192.0.2.2", 443),
        services: &[Service::tcp(Place::Client, "192.0.2.2", 443)],
        visits: &[Visit::to(Place::Node, "192.0.2.2", 443)],
        expected: Truth::Idle,
        ..BARE
    },
];
