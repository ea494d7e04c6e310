//! IPVS.

use crate::truth::setup::{BARE, Place, Service, Setup, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";
const VISITS: &[Visit] = &[Visit::to(Place::Client, VIP, 80)];

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "ipvs-nat",
        built: "IPVS by NAT, tracked and masqueraded as by kube-proxy",
        prepare: "modprobe -q ip_vs_rr || true
            ipvsadm -A -t 203.0.113.10:80 -s rr
            ipvsadm -a -t 203.0.113.10:80 -r 10.0.0.2:8080 -m
            sysctl -qw net.ipv4.vs.conntrack=1
            iptables -t nat -A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j MARK --set-mark 0x4000
            iptables -t nat -A POSTROUTING -m mark --mark 0x4000 -j MASQUERADE",
        // Replies come back only to the node's own address.
        elsewhere: &[(Place::Pod, "ip route del default")],
        subject: Subject::tcp(VIP, 80),
        services: &[Service::tcp(Place::Pod, "10.0.0.2", 8080)],
        visits: VISITS,
        expected: Truth::Breaks,
    },
    Setup {
        name: "ipvs-nat-plain",
        built: "IPVS by NAT, tracked, not masqueraded",
        prepare: "modprobe -q ip_vs_rr || true
            track
            ipvsadm -A -t 203.0.113.10:80 -s rr
            ipvsadm -a -t 203.0.113.10:80 -r 10.0.0.2:8080 -m
            sysctl -qw net.ipv4.vs.conntrack=1",
        subject: Subject::tcp(VIP, 80),
        services: &[Service::tcp(Place::Pod, "10.0.0.2", 8080)],
        visits: VISITS,
        expected: Truth::Idle,
        ..BARE
    },
    Setup {
        name: "ipvs-dr",
        built: "IPVS by direct routing, tracked",
        prepare: "modprobe -q ip_vs_rr || true
            track
            ipvsadm -A -t 203.0.113.10:80 -s rr
            ipvsadm -a -t 203.0.113.10:80 -r 10.0.0.2:80 -g
            sysctl -qw net.ipv4.vs.conntrack=1",
        // The pod answers past the node.
        elsewhere: &[
            (
                Place::Pod,
                "ip address add 203.0.113.10/32 dev lo
                ip link add past type veth peer name past netns truth-client
                ip address add 192.168.7.2/24 dev past
                ip link set past up
                ip route add 192.0.2.0/24 via 192.168.7.1",
            ),
            (
                Place::Client,
                "ip address add 192.168.7.1/24 dev past
                ip link set past up
                sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.past.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0",
            ),
        ],
        subject: Subject::tcp(VIP, 80),
        services: &[Service::tcp(Place::Pod, "0.0.0.0", 80)],
        visits: VISITS,
        ..BARE
    },
];
