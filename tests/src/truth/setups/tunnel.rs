//! Overlays between nodes: what is inside stays tracked.

use crate::truth::setup::{BARE, Place, Service, Setup, Shape, Subject, Visit};

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "vxlan",
        built: "VXLAN between two nodes",
        prepare: "track
            ip link add vx type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789
            ip address add 10.77.0.1/24 dev vx
            ip link set vx up",
        elsewhere: VXLAN,
        subject: Subject::udp("192.0.2.1", 4789).shaped(Shape::Tunnel),
        services: INSIDE,
        visits: ASKED,
        ..BARE
    },
    Setup {
        name: "vxlan-filter",
        built: "VXLAN, and a filter that accepts it by port and drops the rest",
        prepare: "iptables -P INPUT DROP
            iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
            iptables -A INPUT -p udp --dport 4789 -j ACCEPT
            iptables -A INPUT -i vx -j ACCEPT
            ip link add vx type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789
            ip address add 10.77.0.1/24 dev vx
            ip link set vx up",
        elsewhere: VXLAN,
        subject: Subject::udp("192.0.2.1", 4789).shaped(Shape::Tunnel),
        services: INSIDE,
        visits: ASKED,
        ..BARE
    },
    Setup {
        name: "vxlan-masquerade",
        built: "VXLAN, and whatever leaves by the link is masqueraded",
        prepare: "track
            iptables -t nat -A POSTROUTING -o up0 -j MASQUERADE
            ip link add vx type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789
            ip address add 10.77.0.1/24 dev vx
            ip link set vx up",
        elsewhere: VXLAN,
        subject: Subject::udp("192.0.2.1", 4789).shaped(Shape::Tunnel),
        services: INSIDE,
        visits: ASKED,
        ..BARE
    },
    Setup {
        name: "geneve",
        built: "Geneve between two nodes",
        prepare: "track
            ip link add gv type geneve id 7 remote 192.0.2.2
            ip address add 10.77.0.1/24 dev gv
            ip link set gv up",
        elsewhere: &[(
            Place::Client,
            "ip link add gv type geneve id 7 remote 192.0.2.1
            ip address add 10.77.0.2/24 dev gv
            ip link set gv up",
        )],
        subject: Subject::udp("192.0.2.1", 6081).shaped(Shape::Tunnel),
        services: INSIDE,
        visits: ASKED,
        ..BARE
    },
];

const VXLAN: &[(Place, &str)] = &[(
    Place::Client,
    "ip link add vx type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4789
    ip address add 10.77.0.2/24 dev vx
    ip link set vx up",
)];

const INSIDE: &[Service] = &[Service::tcp(Place::Node, "10.77.0.1", 8080)];

const ASKED: &[Visit] = &[Visit::to(Place::Client, "10.77.0.1", 8080)];
