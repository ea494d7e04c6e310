//! Packet filters of iptables.

use crate::truth::setup::{BARE, How, Place, Service, Setup, Shape, Subject, Truth, Visit};

const VIP: &str = "203.0.113.10";
const VIP6: &str = "2001:db8:10::10";
const DNS: &[Service] = &[Service::udp(Place::Node, "192.0.2.1", 53)];
const LOOKUPS: &[Visit] = &[Visit::to(Place::Client, "192.0.2.1", 53).by(How::Udp(120))];
const AND_A_STRANGER: &[Visit] = &[
    Visit::to(Place::Client, VIP, 443),
    Visit::to(Place::Stranger, VIP, 443).unwelcome(),
];

pub(super) const ALL: &[Setup] = &[
    Setup {
        name: "stateless-filter",
        built: "a filter that accepts the port and ICMP, and drops the rest",
        prepare: "track
            iptables -P INPUT DROP
            iptables -A INPUT -p icmp -j ACCEPT
            iptables -A INPUT -p tcp --dport 443 -j ACCEPT",
        ..BARE
    },
    Setup {
        name: "stateless-filter-ipv6",
        built: "the same over IPv6",
        prepare: "track6
            ip6tables -P INPUT DROP
            ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
            ip6tables -A INPUT -p tcp --dport 443 -j ACCEPT",
        subject: Subject::tcp(VIP6, 443),
        services: &[Service::tcp(Place::Node, VIP6, 443)],
        visits: &[Visit::to(Place::Client, VIP6, 443)],
        ..BARE
    },
    Setup {
        name: "careful-filter",
        built: "a filter that accepts what is established, and the port whatever its state",
        prepare: "iptables -P INPUT DROP
            iptables -A INPUT -i lo -j ACCEPT
            iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
            iptables -A INPUT -p tcp --dport 443 -j ACCEPT",
        ..BARE
    },
    Setup {
        name: "dns-filter",
        built: "DNS behind a filter that accepts it both ways by port",
        prepare: "track
            iptables -P INPUT DROP
            iptables -P OUTPUT DROP
            iptables -A INPUT -p udp --dport 53 -j ACCEPT
            iptables -A OUTPUT -p udp --sport 53 -j ACCEPT",
        subject: Subject::udp("192.0.2.1", 53),
        services: DNS,
        visits: LOOKUPS,
        ..BARE
    },
    Setup {
        name: "kube-firewall",
        built: "kube-proxy's KUBE-FIREWALL, whose negated state is about loopback",
        prepare: "track
            iptables -N KUBE-FIREWALL
            iptables -A INPUT -j KUBE-FIREWALL
            iptables -A OUTPUT -j KUBE-FIREWALL
            iptables -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment 'block incoming localnet connections' -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        ..BARE
    },
    Setup {
        name: "legacy-filter",
        built: "a stateless filter in the legacy tables",
        prepare: "track
            iptables-legacy -P INPUT DROP
            iptables-legacy -A INPUT -p icmp -j ACCEPT
            iptables-legacy -A INPUT -p tcp --dport 443 -j ACCEPT",
        ..BARE
    },
    Setup {
        name: "ipset-blocklist",
        built: "a blocklist in an ipset",
        prepare: "track
            ipset create bad hash:net
            ipset add bad 198.51.100.0/24
            iptables -A INPUT -m set --match-set bad src -j DROP",
        visits: AND_A_STRANGER,
        ..BARE
    },
    Setup {
        name: "new-by-port",
        built: "a filter that accepts NEW of the port and what is established, and drops the rest",
        prepare: "stateful iptables
            iptables -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "new-by-port-ipv6",
        built: "the same over IPv6",
        prepare: "ip6tables -P INPUT DROP
            ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
            ip6tables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            ip6tables -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        subject: Subject::tcp(VIP6, 443),
        services: &[Service::tcp(Place::Node, VIP6, 443)],
        visits: &[Visit::to(Place::Client, VIP6, 443)],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "established-output",
        built: "replies leave because they are established, and nothing else does",
        prepare: "iptables -P OUTPUT DROP
            iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "dns-established-output",
        built: "the same for DNS",
        prepare: "iptables -P OUTPUT DROP
            iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        subject: Subject::udp("192.0.2.1", 53),
        services: DNS,
        visits: LOOKUPS,
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "negated-state",
        built: "whatever is not NEW, RELATED or ESTABLISHED is dropped",
        prepare: "iptables -A INPUT -m conntrack ! --ctstate NEW,RELATED,ESTABLISHED -j DROP",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "untracked-drop",
        built: "whatever is untracked is dropped",
        prepare: "iptables -A INPUT -m conntrack --ctstate UNTRACKED -j DROP",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "new-refused",
        built: "new connections of one network are dropped, by state",
        prepare: "iptables -A INPUT -s 198.51.100.0/24 -p tcp --dport 443 -m conntrack --ctstate NEW -j DROP",
        visits: AND_A_STRANGER,
        expected: Truth::Opens,
        ..BARE
    },
    Setup {
        name: "syn-by-port",
        built: "a filter that accepts SYNs of the port and what is established, and drops the rest",
        prepare: "stateful iptables
            iptables -A INPUT -p tcp --syn --dport 443 -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "syn-by-mss",
        built: "a filter that accepts the port by an option that SYNs alone have, and what is established",
        prepare: "stateful iptables
            iptables -A INPUT -p tcp --dport 443 -m tcpmss --mss 500:65535 -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "bogus-flags",
        built: "segments with flags that belong to nobody are dropped",
        prepare: "track
            iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
            iptables -A INPUT -p tcp --tcp-flags SYN,RST SYN,RST -j DROP",
        ..BARE
    },
    Setup {
        name: "new-without-syn",
        built: "what begins without a SYN is dropped",
        prepare: "iptables -A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP",
        ..BARE
    },
    Setup {
        name: "state-match",
        built: "a filter that accepts NEW of the port by the older match `state`",
        prepare: "iptables -P INPUT DROP
            iptables -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
            iptables -A INPUT -p tcp -m multiport --dports 80,443 -m state --state NEW -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "limit",
        built: "a filter that accepts so many packets of the port a second unless they are established",
        prepare: "stateful iptables
            iptables -A INPUT -p tcp --dport 443 -m limit --limit 5/s --limit-burst 10 -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "local-client-filter",
        built: "a filter that knows nothing of lo: clients on the node get replies because they are established",
        prepare: LO_UNKNOWN,
        subject: Subject::tcp(VIP, 443).shaped(Shape::Local),
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Node, VIP, 443),
        ],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "late-local-client",
        built: "the same, where clients on the node come only after the recording",
        prepare: LO_UNKNOWN,
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Node, VIP, 443).late(),
        ],
        expected: Truth::Breaks,
        ..BARE
    },
    Setup {
        name: "late-local-client-invalid",
        built: "INVALID is dropped but for ICMP; clients on the node come only after the recording",
        prepare: "iptables -A INPUT -p icmp -j ACCEPT
            iptables -A INPUT -m conntrack --ctstate INVALID -j DROP",
        subject: Subject::tcp(VIP, 443).shaped(Shape::Local),
        visits: &[
            Visit::to(Place::Client, VIP, 443),
            Visit::to(Place::Node, VIP, 443).late(),
        ],
        ..BARE
    },
    Setup {
        name: "legacy-new-by-port",
        built: "a filter in the legacy tables that accepts NEW of the port and what is established",
        prepare: "stateful iptables-legacy
            iptables-legacy -A INPUT -p tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        expected: Truth::Breaks,
        ..BARE
    },
];

const LO_UNKNOWN: &str = "iptables -P INPUT DROP
    iptables -A INPUT -p icmp -j ACCEPT
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
    iptables -A INPUT -p tcp --dport 443 -j ACCEPT";
