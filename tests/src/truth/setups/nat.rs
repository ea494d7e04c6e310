//! Translated addresses and ports.

use crate::truth::setup::{BARE, Place, Service, Setup, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";
const POD: &[Service] = &[Service::tcp(Place::Pod, "10.0.0.2", 8080)];

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "nodeport",
        built: "a NodePort: DNAT to a pod",
        prepare: "iptables -t nat -N KUBE-NODEPORTS
            iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
            iptables -t nat -A KUBE-NODEPORTS -p tcp --dport 30080 -j DNAT --to-destination 10.0.0.2:8080",
        subject: Subject::tcp("192.0.2.1", 30080),
        services: POD,
        visits: &[Visit::to(Place::Client, "192.0.2.1", 30080)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "translated-vip",
        built: "a DNATed VIP; another VIP has the port plain",
        prepare: "iptables -t nat -A PREROUTING -d 203.0.113.11 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.2:8080",
        subject: Subject::tcp("203.0.113.11", 443),
        services: &[
            Service::tcp(Place::Node, VIP, 443),
            Service::tcp(Place::Pod, "10.0.0.2", 8080),
        ],
        visits: &[
            Visit::to(Place::Client, "203.0.113.11", 443),
            Visit::to(Place::Client, VIP, 443),
        ],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "redirect",
        built: "REDIRECT to another port of the node",
        prepare: "iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
        subject: Subject::tcp(VIP, 80),
        services: &[Service::tcp(Place::Node, "0.0.0.0", 8080)],
        visits: &[Visit::to(Place::Client, VIP, 80)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "redirect-ipv6",
        built: "the same over IPv6",
        prepare: "ip6tables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
        subject: Subject::tcp("2001:db8:10::10", 80),
        services: &[Service::tcp(Place::Node, "::", 8080)],
        visits: &[Visit::to(Place::Client, "2001:db8:10::10", 80)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "hairpin",
        built: "a pod asks the node's port that is DNATed back to it, masqueraded",
        prepare: "iptables -t nat -A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080
            iptables -t nat -A POSTROUTING -s 10.0.0.2 -d 10.0.0.2 -p tcp --dport 8080 -j MASQUERADE",
        subject: Subject::tcp(VIP, 80),
        services: POD,
        visits: &[
            Visit::to(Place::Pod, VIP, 80),
            Visit::to(Place::Client, VIP, 80),
        ],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "masquerade",
        built: "pods reach a service outside, masqueraded",
        prepare: "iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o up0 -j MASQUERADE",
        subject: Subject::tcp("192.0.2.2", 443),
        services: &[Service::tcp(Place::Client, "192.0.2.2", 443)],
        visits: &[Visit::to(Place::Pod, "192.0.2.2", 443)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "snat-outbound",
        built: "the node's own connections leave with a VIP as their source",
        prepare: "iptables -t nat -A POSTROUTING -o up0 -p tcp -j SNAT --to-source 203.0.113.10",
        subject: Subject::tcp("192.0.2.2", 443),
        services: &[Service::tcp(Place::Client, "192.0.2.2", 443)],
        visits: &[Visit::to(Place::Node, "192.0.2.2", 443)],
        expected: Truth::Idle,
        ..BARE
    },
    Setup {
        name: "masqueraded-pods",
        built: "pods are masqueraded on their way out; they and others ask the node",
        prepare: "track
            iptables -t nat -A POSTROUTING -s 10.0.0.0/24 ! -d 10.0.0.0/24 -j MASQUERADE",
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Pod, VIP, 443),
        ],
        ..BARE
    },
    Setup {
        name: "masquerade-all",
        built: "whatever leaves by the link is masqueraded",
        prepare: "track
            iptables -t nat -A POSTROUTING -o up0 -j MASQUERADE",
        ..BARE
    },
    Setup {
        name: "nat-mark",
        built: "a mark is set in nat, for the first packet alone, and accepted by the filter",
        prepare: "iptables -t nat -A PREROUTING -p tcp --dport 443 -j MARK --set-mark 7
            stateful iptables
            iptables -A INPUT -m mark --mark 7 -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
];
