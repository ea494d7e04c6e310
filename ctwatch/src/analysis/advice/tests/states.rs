//! Filters by state: what they would drop untracked, and what they would let in.

use super::*;
use crate::render::rules::iptables::{self, Action};

/// Nobody asked from the node while the recording ran; who does later must not be cut off.
#[test]
fn clients_on_the_node_are_reckoned_with_where_the_filter_would_drop_their_replies() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p icmp -j ACCEPT\n\
        -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p tcp --dport 443 -j ACCEPT\nCOMMIT\n";
    let advice = https(rules);
    expect(&advice, Verdict::NeedsAccept, &["established-only-ruleset"]);
    assert_eq!(advice.notrack.len(), 4);
    let lo = rules.replace(
        "-A INPUT -p icmp",
        "-A INPUT -i lo -j ACCEPT\n-A INPUT -p icmp",
    );
    let advice = https(&lo);
    expect(&advice, Verdict::Safe, &[]);
    assert_eq!(advice.notrack.len(), 2);
    // Rules for requests and replies alone would make INVALID what such a client sends after its first packet.
    let invalid = lo.replace(
        "-A INPUT -i lo",
        "-A OUTPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT -i lo",
    );
    let advice = https(&invalid);
    expect(&advice, Verdict::Safe, &[]);
    assert_eq!(advice.notrack.len(), 4);
}

#[test]
fn replies_that_only_established_lets_out_need_an_accept() {
    let rules = filter(
        &["-p tcp -m tcp --dport 443 -j ACCEPT"],
        &[
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-j REJECT",
        ],
        OPEN,
    );
    let advice = https(&rules);
    expect(&advice, Verdict::NeedsAccept, &["established-only-ruleset"]);
    assert!(
        advice.reasons[0]
            .evidence
            .contains("filter OUTPUT: -A OUTPUT -j REJECT drops")
    );
    let specs: Vec<_> = advice
        .accepts
        .iter()
        .map(|r| iptables::accept(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t filter -I OUTPUT 2 -s 203.0.113.10 -p tcp --sport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT"
        ]
    );
}

#[test]
fn requests_accepted_while_new_need_an_accept_and_so_do_path_mtu_errors() {
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-m state --state RELATED,ESTABLISHED -j ACCEPT",
            "-p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    let advice = https(&rules);
    expect(
        &advice,
        Verdict::NeedsAccept,
        &["established-only-ruleset", "invalid-drop"],
    );
    assert!(
        advice.reasons[0].evidence.contains("-P INPUT DROP"),
        "{:?}",
        advice.reasons
    );
    let specs: Vec<_> = advice
        .accepts
        .iter()
        .map(|r| iptables::accept(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t filter -A INPUT -d 203.0.113.10 -p tcp --dport 443 -m conntrack --ctstate UNTRACKED -m comment --comment ctwatch -j ACCEPT",
            "-t filter -A INPUT -d 203.0.113.10 -p icmp --icmp-type fragmentation-needed -m comment --comment ctwatch -j ACCEPT",
        ]
    );
}

#[test]
fn invalid_drop_breaks_path_mtu_unless_icmp_is_accepted_before() {
    let invalid = "-m conntrack --ctstate INVALID -j DROP";
    let related = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
    expect(
        &https(&filter(&[related, invalid], &[], OPEN)),
        Verdict::NeedsAccept,
        &["invalid-drop"],
    );
    for icmp in [
        "-p icmp -j ACCEPT",
        "-p icmp -m icmp --icmp-type 3/4 -j ACCEPT",
        "-p icmp -m icmp --icmp-type 3 -j ACCEPT",
    ] {
        expect(
            &https(&filter(&[icmp, related, invalid], &[], OPEN)),
            Verdict::Safe,
            &[],
        );
    }
    let echo_only = "-p icmp -m icmp --icmp-type 8 -j ACCEPT";
    expect(
        &https(&filter(&[echo_only, related, invalid], &[], OPEN)),
        Verdict::NeedsAccept,
        &["invalid-drop"],
    );
}

#[test]
fn negated_states_match_what_is_untracked() {
    let rules = filter(
        &[],
        &["-o eth0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP"],
        OPEN,
    );
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    let by_name = filter(
        &["! -i lo -m conntrack --ctstate UNTRACKED -j DROP"],
        &[],
        OPEN,
    );
    expect(&https(&by_name), Verdict::NeedsAccept, &["untracked-drop"]);
    let accepted = filter(
        &[
            "-m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-p tcp -m tcp --dport 443 -m state --state NEW -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&accepted), Verdict::Safe, &[]);
}

#[test]
fn kube_firewall_concerns_loopback_only() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:KUBE-FIREWALL - [0:0]\n\
        -A INPUT -j KUBE-FIREWALL\n-A OUTPUT -j KUBE-FIREWALL\n\
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n\
        COMMIT\n";
    expect(&https(rules), Verdict::Safe, &[]);
}

#[test]
fn drops_that_do_not_ask_for_the_state_change_nothing() {
    let rules = filter(
        &[
            "-s 198.51.100.0/24 -j DROP",
            "-i eth1 -j DROP",
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-s 192.0.2.0/24 -i eth+ -p tcp -m tcp --dport 443 -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}

#[test]
fn a_blacklist_behind_established_is_no_reason_either() {
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "-s 198.51.100.0/24 -j DROP",
            "-p tcp --dport 443 -j ACCEPT",
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}

#[test]
fn an_accept_rule_is_no_stand_in_for_a_limit() {
    let limit = "-p tcp -m tcp --dport 443 -m state --state NEW -m limit --limit 25/min -j ACCEPT";
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-m state --state ESTABLISHED -j ACCEPT",
            limit,
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(&https(&rules), Verdict::Unproven, &["not-looked-at"]);
    let odd = "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW -j DROP";
    let new = "-p tcp -m tcp --dport 443 -m state --state NEW -j ACCEPT";
    let rules = filter(
        &[
            "-i lo -j ACCEPT",
            "-p icmp -j ACCEPT",
            "-m state --state ESTABLISHED -j ACCEPT",
            odd,
            new,
        ],
        &[],
        CLOSED_INPUT,
    );
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
}

#[test]
fn a_filter_by_state_that_would_open_blocks() {
    let rules = filter(
        &["-s 198.51.100.0/24 -m state --state NEW -j DROP"],
        &[],
        OPEN,
    );
    expect(&https(&rules), Verdict::Blocked, &["filter-opens"]);
}
