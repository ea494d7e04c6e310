//! Services of the node that nothing stands in the way of.

use crate::truth::setup::{BARE, How, Place, Service, Setup, Shape, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";
const VIP6: &str = "2001:db8:10::10";

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "ingress",
        built: "an ingress on the host's network, no filter",
        prepare: "track",
        ..BARE
    },
    Setup {
        name: "ingress-ipv6",
        built: "the same over IPv6",
        prepare: "track6",
        subject: Subject::tcp(VIP6, 443),
        services: &[Service::tcp(Place::Node, VIP6, 443)],
        visits: &[Visit::to(Place::Client, VIP6, 443)],
        ..BARE
    },
    Setup {
        name: "second-vip",
        built: "two VIPs with the same port, one of them untracked",
        prepare: "track",
        subject: Subject::tcp("203.0.113.11", 443),
        services: &[Service::tcp(Place::Node, "0.0.0.0", 443)],
        visits: &[Visit::to(Place::Client, "203.0.113.11", 443)],
        ..BARE
    },
    Setup {
        name: "dns",
        built: "DNS on the node",
        prepare: "track",
        subject: Subject::udp("192.0.2.1", 53),
        services: &[Service::udp(Place::Node, "192.0.2.1", 53)],
        visits: &[Visit::to(Place::Client, "192.0.2.1", 53).by(How::Udp(120))],
        ..BARE
    },
    Setup {
        name: "metrics",
        built: "a metrics port that one network may ask, by address",
        prepare: "track
            iptables -A INPUT -s 192.0.2.0/24 -p tcp --dport 9100 -j ACCEPT
            iptables -A INPUT -p tcp --dport 9100 -j REJECT --reject-with tcp-reset",
        subject: Subject::tcp("192.0.2.1", 9100),
        services: &[Service::tcp(Place::Node, "192.0.2.1", 9100)],
        visits: &[
            Visit::to(Place::Client, "192.0.2.1", 9100),
            Visit::to(Place::Stranger, "192.0.2.1", 9100).unwelcome(),
        ],
        ..BARE
    },
    Setup {
        name: "local-client",
        built: "a VIP whose clients are elsewhere and on the node itself",
        prepare: "track",
        subject: Subject::tcp(VIP, 443).shaped(Shape::Local),
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Node, VIP, 443),
        ],
        ..BARE
    },
    Setup {
        name: "other-ports-translated",
        built: "Docker publishes another port of the same address",
        prepare: "track
            iptables -t nat -N DOCKER
            iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
            iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
            iptables -t nat -A POSTROUTING -s 10.0.0.0/24 ! -o in0 -j MASQUERADE
            iptables -t nat -A DOCKER -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80",
        ..BARE
    },
    Setup {
        name: "plain-vip-beside-translated",
        built: "a plain VIP; the port of another VIP is DNATed",
        prepare: "track
            iptables -t nat -A PREROUTING -d 203.0.113.11 -p tcp --dport 443 -j DNAT --to-destination 10.0.0.2:8443",
        services: &[
            Service::tcp(Place::Node, VIP, 443),
            Service::tcp(Place::Pod, "10.0.0.2", 8443),
        ],
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Client, "203.0.113.11", 443),
        ],
        ..BARE
    },
    Setup {
        name: "raw-blocklist",
        built: "a blocklist in raw before the rules",
        prepare: "track
            iptables -t raw -A PREROUTING -s 198.51.100.0/24 -j DROP",
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Stranger, VIP, 443).unwelcome(),
        ],
        ..BARE
    },
    Setup {
        name: "raw-accept",
        built: "a foreign rule accepts all TCP in raw before the rules",
        prepare: "track
            iptables -t raw -A PREROUTING -p tcp -j ACCEPT",
        expected: Truth::Idle,
        ..BARE
    },
    Setup {
        name: "replies-untracked",
        built: "a rule for the replies is there already",
        prepare: "track
            iptables -t raw -A OUTPUT -s 203.0.113.10 -p tcp --sport 443 -j NOTRACK",
        ..BARE
    },
    Setup {
        name: "requests-untracked",
        built: "a rule for the requests is there already",
        prepare: "track
            iptables -t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 443 -j NOTRACK",
        ..BARE
    },
    Setup {
        name: "loopback",
        built: "a service on 127.0.0.1 and its clients",
        prepare: "track",
        subject: Subject::tcp("127.0.0.1", 6379),
        services: &[Service::tcp(Place::Node, "127.0.0.1", 6379)],
        visits: &[Visit::to(Place::Node, "127.0.0.1", 6379)],
        expected: Truth::Idle,
        ..BARE
    },
];
