//! Rules of raw: what is untracked already, and who ends the chain.

use super::*;
use crate::render::rules::iptables::{self, Action};

#[test]
fn neither_a_longer_port_nor_a_longer_address_is_an_existing_rule() {
    // A NOTRACK of 8080 on the VIP and of 443 on 203.0.113.1 stand in DEMO.
    expect(&under(DEMO, VIP, Protocol::TCP, 80), Verdict::Safe, &[]);
    expect(&https(DEMO), Verdict::Safe, &[]);
}

#[test]
fn half_of_the_rules_there_only_the_other_half_is_missing() {
    let advice = under(DEMO, "203.0.113.1", Protocol::TCP, 443);
    expect(&advice, Verdict::Safe, &["existing-rule"]);
    let specs: Vec<_> = advice
        .notrack
        .iter()
        .map(|r| iptables::notrack(r, Action::Add))
        .collect();
    assert_eq!(
        specs,
        [
            "-t raw -A OUTPUT -s 203.0.113.1 -p tcp --sport 443 -m comment --comment ctwatch -j NOTRACK"
        ]
    );
}

#[test]
fn all_rules_there_is_done() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A PREROUTING -d 203.0.113.10/32 -p tcp -m tcp --dport 443 -j CT --notrack\n\
        -A OUTPUT -s 203.0.113.10/32 -p tcp -m multiport --sports 80,443 -j NOTRACK\nCOMMIT\n";
    expect(
        &https(rules),
        Verdict::Done,
        &["existing-rule", "existing-rule"],
    );
    expect(
        &under(rules, VIP, Protocol::TCP, 80),
        Verdict::Safe,
        &["existing-rule"],
    );
    let through_chain = rules
        .replace("-j CT --notrack", "-j own")
        .replace("COMMIT", ":own - [0:0]\n-A own -j NOTRACK\nCOMMIT");
    assert_eq!(https(&through_chain).verdict, Verdict::Done);
    let one_interface = rules.replace("-A PREROUTING", "-A PREROUTING -i eth1");
    expect(&https(&one_interface), Verdict::Safe, &["existing-rule"]);
}

#[test]
fn foreign_rules_that_end_the_raw_chain_are_named() {
    let raw = |rule: &str| {
        format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING {rule}\nCOMMIT\n"
        )
    };
    let ends = https(&raw("-i eth0 -j ACCEPT"));
    expect(&ends, Verdict::Blocked, &["foreign-raw-chain"]);
    assert!(
        ends.reasons[0]
            .evidence
            .contains("-A PREROUTING -i eth0 -j ACCEPT")
    );
    expect(&https(&raw("-p udp -j ACCEPT")), Verdict::Safe, &[]);
    let zone = https(&raw("-i eth0 -j CT --zone 3"));
    assert_eq!(
        (zone.verdict, codes(&zone)[0]),
        (Verdict::Blocked, "ct-zone")
    );
}
