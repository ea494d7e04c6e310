//! Rules that look at the packet alone: they say the same of it tracked and untracked.

use super::*;

fn input(rules: &[&str]) -> PortAdvice {
    https(&filter(rules, &[], OPEN))
}

#[test]
fn a_blocklist_in_an_ipset_takes_the_same_packets_tracked_and_untracked() {
    for rule in [
        "-m set --match-set bad src -j DROP",
        "-m set ! --match-set good src -j DROP",
        "-p tcp -m tcp --dport 443 -m set --match-set vips dst -j ACCEPT",
    ] {
        expect(&input(&[rule]), Verdict::Safe, &[]);
    }
}

/// Whoever is in the set is dropped unless the connection is known: an accept rule of ours would let him in.
#[test]
fn a_set_beside_a_state_is_still_followed() {
    let rule = "-m set --match-set bad src -m conntrack --ctstate NEW -j DROP";
    expect(&input(&[rule]), Verdict::Blocked, &["filter-opens"]);
}

#[test]
fn a_set_that_rules_change_is_not_understood() {
    let bad = "-m set --match-set bad src -j DROP";
    for change in [
        "-p tcp -m tcp --dport 23 -j SET --add-set bad src",
        "-p tcp -m tcp --dport 23 -j SET --del-set bad src",
        // `bad` may be a list that holds it.
        "-p tcp -m tcp --dport 23 -j SET --add-set other src --exist",
    ] {
        expect(
            &input(&[bad, change]),
            Verdict::Unproven,
            &["not-looked-at"],
        );
    }
}

#[test]
fn what_else_a_set_is_asked_for_is_not_understood() {
    for rule in [
        // A set of addresses and marks takes two fields.
        "-m set --match-set bad src,src -j DROP",
        "-m set --match-set bad src --packets-gt 100 -j DROP",
        "-m set --match-set bad src --return-nomatch -j DROP",
    ] {
        expect(&input(&[rule]), Verdict::Unproven, &["not-looked-at"]);
    }
}

#[test]
fn a_mark_that_an_ipset_gives_is_not_known() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j SET --map-set classes src --map-mark\nCOMMIT\n\
        *filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x2 -m conntrack --ctstate NEW -j DROP\nCOMMIT\n";
    assert_ne!(https(rules).verdict, Verdict::Safe);
}

/// Tracking has them put together before raw, and goes on to while a rule anywhere asks for it.
#[test]
fn no_rule_meets_a_fragment() {
    expect(&input(&["-f -j DROP"]), Verdict::Safe, &[]);
    let whole = "! -f -m conntrack --ctstate NEW -j DROP";
    // Nobody is served today, nor would be only by his first packet.
    assert_ne!(input(&[whole]).verdict, Verdict::Safe);
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -f -j DROP\nCOMMIT\n";
    assert_eq!(https(raw).verdict, Verdict::Unproven);
}
