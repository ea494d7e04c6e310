//! Rules that need the packets' entries, or ask of them.

use super::*;

#[test]
fn rules_that_need_the_packets_entries_block() {
    let table = |table: &str, chain: &str, rule: &str| {
        format!("*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} {rule}\nCOMMIT\n")
    };
    let cases = [
        (
            "raw",
            "PREROUTING",
            "-p tcp -m tcp --dport 443 -j CT --helper ftp",
            "helper",
        ),
        (
            "raw",
            "PREROUTING",
            "-i eth0 -j CT --zone-orig 7",
            "ct-zone",
        ),
        (
            "mangle",
            "PREROUTING",
            "-j CONNMARK --set-xmark 0x1/0xffffffff",
            "connmark",
        ),
        (
            "mangle",
            "OUTPUT",
            "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
            "connmark",
        ),
        (
            "mangle",
            "PREROUTING",
            "-p tcp -m tcp --dport 443 -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1",
            "tproxy",
        ),
        (
            "filter",
            "INPUT",
            "-p tcp -m tcp --dport 443 -m state --state INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460",
            "synproxy",
        ),
    ];
    for (name, chain, rule, code) in cases {
        let advice = https(&table(name, chain, rule));
        assert_eq!(
            advice.verdict,
            Verdict::Blocked,
            "{rule}: {:#?}",
            advice.reasons
        );
        let names_it = |reason: &super::super::Reason| {
            reason.code.as_str() == code && reason.evidence.contains(rule)
        };
        assert!(
            advice.reasons.iter().any(names_it),
            "{rule}: {:#?}",
            advice.reasons
        );
        // Of another port they are nobody's concern here.
        if rule.contains("--dport 443") {
            let other = under(&table(name, chain, rule), VIP, Protocol::TCP, 80);
            expect(&other, Verdict::Safe, &[]);
        }
    }
}

#[test]
fn what_asks_of_the_entry_never_takes_an_untracked_packet() {
    for (rule, code) in [
        ("-m connmark --mark 0x1 -j DROP", "connmark"),
        ("-m connmark ! --mark 0x1 -j DROP", "connmark"),
        ("-m helper --helper \"ftp\" -j DROP", "helper"),
        ("-m conntrack --ctstatus ASSURED -j DROP", "not-looked-at"),
    ] {
        let advice = https(&filter(&[rule], &[], OPEN));
        assert_eq!(
            advice.verdict,
            Verdict::Unproven,
            "{rule}: {:#?}",
            advice.reasons
        );
        assert_eq!(codes(&advice)[0], code, "{rule}");
    }
    // Requests go the original way, so that nothing of them is lost with the entry.
    let original = "-p tcp -m tcp --dport 443 -m conntrack --ctdir ORIGINAL -j ACCEPT";
    let rules = filter(&["-p icmp -j ACCEPT", original], &[], CLOSED_INPUT);
    expect(
        &https(&rules),
        Verdict::NeedsAccept,
        &["established-only-ruleset"],
    );
    let reply = original.replace("ORIGINAL -j ACCEPT", "REPLY -j DROP");
    expect(&https(&filter(&[&reply], &[], OPEN)), Verdict::Safe, &[]);
}
