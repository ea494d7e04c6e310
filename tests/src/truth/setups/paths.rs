//! Narrow paths and fragments.

use crate::truth::setup::{BARE, How, Place, Service, Setup, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";
const VIP6: &str = "2001:db8:10::10";
const FROM_AFAR: &[Visit] = &[Visit::to(Place::Far, VIP, 443)];
const FRAGMENTS: &[Visit] = &[Visit::to(Place::Client, VIP, 5000).by(How::Udp(6000))];
const DATAGRAMS: &[Service] = &[Service::udp(Place::Node, VIP, 5000)];

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "narrow-path",
        built: "clients behind a narrow link, no filter",
        prepare: "track",
        visits: FROM_AFAR,
        ..BARE
    },
    Setup {
        name: "narrow-path-ipv6",
        built: "the same over IPv6",
        prepare: "track6",
        subject: Subject::tcp(VIP6, 443),
        services: &[Service::tcp(Place::Node, VIP6, 443)],
        visits: &[Visit::to(Place::Far, VIP6, 443)],
        ..BARE
    },
    Setup {
        name: "narrow-path-invalid-drop",
        built: "clients behind a narrow link, and INVALID is dropped",
        prepare: "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP",
        visits: FROM_AFAR,
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "narrow-path-mangle",
        built: "the same, dropped in mangle before routing",
        prepare: "iptables -t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP",
        visits: FROM_AFAR,
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "narrow-path-related",
        built: "clients behind a narrow link; the port is accepted, ICMP because it is RELATED",
        prepare: "iptables -P INPUT DROP
            iptables -A INPUT -p tcp --dport 443 -j ACCEPT
            iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        visits: FROM_AFAR,
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "invalid-drop",
        built: "INVALID is dropped, no narrow link",
        prepare: "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP",
        ..BARE
    },
    Setup {
        name: "fragments",
        built: "datagrams of 6000 bytes",
        prepare: "track",
        subject: Subject::udp(VIP, 5000),
        services: DATAGRAMS,
        visits: FRAGMENTS,
        ..BARE
    },
    Setup {
        name: "fragments-ipv6",
        built: "the same over IPv6",
        prepare: "track6",
        subject: Subject::udp(VIP6, 5000),
        services: &[Service::udp(Place::Node, VIP6, 5000)],
        visits: &[Visit::to(Place::Client, VIP6, 5000).by(How::Udp(6000))],
        ..BARE
    },
    Setup {
        name: "fragments-dropped",
        built: "datagrams of 6000 bytes, and a filter that drops fragments",
        prepare: "track
            iptables -A INPUT -f -j DROP",
        subject: Subject::udp(VIP, 5000),
        services: DATAGRAMS,
        visits: FRAGMENTS,
        ..BARE
    },
];
