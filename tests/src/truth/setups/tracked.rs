//! What works by entries: marks, limits, helpers, proxies, zones.

use crate::truth::setup::{BARE, How, Kind, Place, Service, Setup, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "connlimit",
        built: "four connections at once from each client",
        prepare: "track
            iptables -A INPUT -p tcp --syn --dport 443 -m connlimit --connlimit-above 4 -j REJECT --reject-with tcp-reset",
        visits: &[Visit::to(Place::Client, VIP, 443).by(How::Crowd(4))],
        expected: Truth::Opens,
        ..BARE
    },
    Setup {
        name: "new-rate",
        built: "four new connections a minute from each client, by `recent`",
        prepare: "iptables -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -m recent --name web --update --seconds 60 --hitcount 4 -j REJECT --reject-with tcp-reset
            iptables -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -m recent --name web --set",
        visits: &[Visit::to(Place::Client, VIP, 443).by(How::Crowd(4))],
        expected: Truth::Opens,
        ..BARE
    },
    Setup {
        name: "connmark",
        built: "replies leave by the link that their connection came in by, from its mark",
        prepare: "iptables -t mangle -A PREROUTING -i up1 -j CONNMARK --set-mark 2
            iptables -t mangle -A OUTPUT -j CONNMARK --restore-mark
            ip route add 10.200.0.0/24 via 192.0.2.2
            ip route add 10.200.0.0/24 via 198.51.100.2 table 2
            ip rule add fwmark 2 table 2",
        elsewhere: &[(
            Place::Stranger,
            "ip address add 10.200.0.1/32 dev lo
            ip route add 203.0.113.0/24 via 198.51.100.1 src 10.200.0.1",
        )],
        visits: &[
            Visit::to(Place::Stranger, VIP, 443),
            Visit::to(Place::Client, VIP, 443),
        ],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "ftp",
        built: "FTP, whose data connections are RELATED by its helper",
        prepare: "iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
            stateful iptables
            iptables -A INPUT -p tcp --dport 21 -j ACCEPT",
        subject: Subject::tcp(VIP, 21),
        services: &[Service::new(Place::Node, VIP, 21, Kind::Ftp)],
        visits: &[Visit::to(Place::Client, VIP, 21).by(How::Ftp)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "synproxy",
        built: "SYNPROXY before the service",
        prepare: "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
            iptables -t raw -A PREROUTING -p tcp --dport 443 --syn -j CT --notrack
            iptables -A INPUT -p tcp --dport 443 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
            iptables -A INPUT -m conntrack --ctstate INVALID -j DROP",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "tproxy",
        built: "TPROXY hands connections to whatever address to a proxy on the node",
        prepare: "track
            ip rule add fwmark 1 lookup 100
            ip route add local 0.0.0.0/0 dev lo table 100
            iptables -t mangle -A PREROUTING -p tcp -d 203.0.113.99 --dport 443 -j TPROXY --on-port 8443 --tproxy-mark 1",
        subject: Subject::tcp("203.0.113.99", 443),
        services: &[Service::new(
            Place::Node,
            "0.0.0.0",
            8443,
            Kind::Transparent,
        )],
        visits: &[Visit::to(Place::Client, "203.0.113.99", 443)],
        ..BARE
    },
    Setup {
        name: "zones",
        built: "the link is a zone of its own, by rules in raw",
        prepare: "track
            iptables -t raw -A PREROUTING -i up0 -j CT --zone 5
            iptables -t raw -A OUTPUT -o up0 -j CT --zone 5",
        expected: Truth::Idle,
        ..BARE
    },
];
