use super::{
    calico,
    iptables::{self, Action},
    nft,
};
use crate::model::{
    endpoint::Protocol,
    notrack::{AcceptRule, Accepted, Direction, NotrackRule},
};

fn rule(direction: Direction, address: [u8; 4]) -> NotrackRule {
    NotrackRule {
        direction,
        address: address.into(),
        protocol: Protocol::TCP,
        port: 443,
    }
}

const VIP: [u8; 4] = [203, 0, 113, 10];

#[test]
fn iptables_lines_add_only_what_is_missing() {
    insta::assert_snapshot!(
        iptables::notrack_line(&rule(Direction::Requests, VIP)),
        @"iptables -w -t raw -C PREROUTING -d 203.0.113.10 -p tcp --dport 443 -m comment --comment ctwatch -j NOTRACK 2>/dev/null || iptables -w -t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 443 -m comment --comment ctwatch -j NOTRACK"
    );
}

#[test]
fn each_direction_names_the_address_beside_the_port() {
    let specs =
        Direction::ALL.map(|direction| iptables::notrack(&rule(direction, VIP), Action::Add));
    insta::assert_snapshot!(specs.join("\n"), @"
    -t raw -A PREROUTING -d 203.0.113.10 -p tcp --dport 443 -m comment --comment ctwatch -j NOTRACK
    -t raw -A OUTPUT -s 203.0.113.10 -p tcp --sport 443 -m comment --comment ctwatch -j NOTRACK
    -t raw -A OUTPUT -d 203.0.113.10 -p tcp --dport 443 -m comment --comment ctwatch -j NOTRACK
    -t raw -A PREROUTING -s 203.0.113.10 -p tcp --sport 443 -m comment --comment ctwatch -j NOTRACK
    -t raw -A OUTPUT -s 203.0.113.10 -p tcp --dport 443 -m comment --comment ctwatch -j NOTRACK
    ");
}

#[test]
fn ipv6_rules_are_for_ip6tables() {
    let rule = NotrackRule {
        address: std::net::Ipv6Addr::LOCALHOST.into(),
        ..rule(Direction::Replies, VIP)
    };
    insta::assert_snapshot!(
        iptables::notrack_undo_line(&rule),
        @"ip6tables -w -t raw -D OUTPUT -s ::1 -p tcp --sport 443 -m comment --comment ctwatch -j NOTRACK"
    );
}

#[test]
fn accept_rules_stand_where_they_take_effect() {
    let place = |before, packets| AcceptRule {
        table: "filter".into(),
        chain: "INPUT".into(),
        before,
        handle: None,
        packets,
    };
    let untracked = Accepted::Untracked(rule(Direction::Requests, VIP));
    let lines = [
        iptables::accept(&place(Some(3), untracked), Action::Add),
        iptables::accept(&place(None, Accepted::TooBig(VIP.into())), Action::Add),
        iptables::accept(&place(Some(3), untracked), Action::Delete),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    -t filter -I INPUT 3 -d 203.0.113.10 -p tcp --dport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT
    -t filter -A INPUT -d 203.0.113.10 -p icmp --icmp-type fragmentation-needed -m comment --comment ctwatch -j ACCEPT
    -t filter -D INPUT -d 203.0.113.10 -p tcp --dport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT
    ");
}

#[test]
fn nft_statements_stay_in_a_table_of_their_own() {
    let rules = [
        rule(Direction::Requests, VIP),
        rule(Direction::Replies, VIP),
    ];
    insta::assert_snapshot!(nft::add(&rules), @"
    add table inet ctwatch
    add set inet ctwatch requests_ip { type ipv4_addr . inet_proto . inet_service; counter; }
    add chain inet ctwatch requests_ip { type filter hook prerouting priority -300; policy accept; }
    flush chain inet ctwatch requests_ip
    add rule inet ctwatch requests_ip ip daddr . meta l4proto . th dport @requests_ip notrack
    add element inet ctwatch requests_ip { 203.0.113.10 . tcp . 443 }
    add set inet ctwatch replies_ip { type ipv4_addr . inet_proto . inet_service; counter; }
    add chain inet ctwatch replies_ip { type filter hook output priority -300; policy accept; }
    flush chain inet ctwatch replies_ip
    add rule inet ctwatch replies_ip ip saddr . meta l4proto . th sport @replies_ip notrack
    add element inet ctwatch replies_ip { 203.0.113.10 . tcp . 443 }
    ");
    insta::assert_snapshot!(nft::undo(&rules), @"
    delete element inet ctwatch requests_ip { 203.0.113.10 . tcp . 443 }
    delete element inet ctwatch replies_ip { 203.0.113.10 . tcp . 443 }
    ");
}

#[test]
fn no_rules_are_no_statements() {
    assert_eq!(nft::add(&[]), "");
}

#[test]
fn calicos_policies_allow_both_directions_of_each_port_untracked() {
    let rules = [
        rule(Direction::Requests, VIP),
        rule(Direction::Replies, VIP),
        rule(Direction::LocalRequests, VIP),
        rule(Direction::Requests, [203, 0, 113, 11]),
    ];
    insta::assert_snapshot!(calico::policies(&rules, "Ingress_1"), @r#"
    ---
    apiVersion: projectcalico.org/v3
    kind: GlobalNetworkPolicy
    metadata:
      name: ctwatch-notrack-tcp-443-ingress-1
    spec:
      order: 0
      selector: kubernetes.io/hostname == 'Ingress_1'
      types: [Ingress, Egress]
      doNotTrack: true
      applyOnForward: true
      ingress:
      - action: Allow
        protocol: TCP
        destination:
          nets: ["203.0.113.10/32", "203.0.113.11/32"]
          ports: [443]
      egress:
      - action: Allow
        protocol: TCP
        source:
          nets: ["203.0.113.10/32"]
          ports: [443]
    "#);
    insta::assert_snapshot!(calico::undo(&rules, "Ingress_1").join("\n"), @"kubectl delete globalnetworkpolicies.projectcalico.org ctwatch-notrack-tcp-443-ingress-1");
    assert_eq!(calico::policies(&[], "x"), "");
}

#[test]
fn calicos_policy_of_an_encapsulation_names_the_destination_port_twice() {
    let vxlan = |direction| NotrackRule {
        direction,
        address: std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10).into(),
        protocol: Protocol::UDP,
        port: 4789,
    };
    let rules = [vxlan(Direction::Requests), vxlan(Direction::Tunnelled)];
    insta::assert_snapshot!(calico::policies(&rules, "'; --- '"), @r#"
    ---
    apiVersion: projectcalico.org/v3
    kind: GlobalNetworkPolicy
    metadata:
      name: ctwatch-notrack-udp-4789
    spec:
      order: 0
      selector: kubernetes.io/hostname == '---'
      types: [Ingress, Egress]
      doNotTrack: true
      applyOnForward: true
      ingress:
      - action: Allow
        protocol: UDP
        destination:
          nets: ["2001:db8::10/128"]
          ports: [4789]
      egress:
      - action: Allow
        protocol: UDP
        source:
          nets: ["2001:db8::10/128"]
        destination:
          ports: [4789]
    "#);
}
