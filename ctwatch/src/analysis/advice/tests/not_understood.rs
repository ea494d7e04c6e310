//! Rules that are not understood.

use super::*;

#[test]
fn what_is_not_understood_and_in_the_way_is_never_safe() {
    let cases = [
        ("-m set --match-set bad src,dst -j DROP", "not-looked-at"),
        ("-j NFQUEUE --queue-num 0", "not-looked-at"),
        ("-j SOMEWHERE", "not-looked-at"),
        ("-d 203.0.113.0/255.255.0.255 -j DROP", "not-looked-at"),
        ("-p tcp -m tcp --dport https -j DROP", "not-looked-at"),
    ];
    for (rule, code) in cases {
        let advice = https(&filter(&[rule], &[], OPEN));
        assert_eq!(advice.verdict, Verdict::Unproven, "{rule}");
        assert!(
            codes(&advice).iter().all(|found| *found == code),
            "{rule}: {:?}",
            advice.reasons
        );
        assert!(
            advice.reasons[0].evidence.contains(rule),
            "{:?}",
            advice.reasons
        );
    }
    let connmark =
        "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n";
    assert_eq!(https(connmark).verdict, Verdict::Blocked);
    assert_eq!(codes(&https(connmark))[0], "connmark");
}

/// The classic limit on how often somebody may connect: untracked, nobody is NEW.
#[test]
fn what_is_not_understood_and_asked_of_new_connections_alone_is_never_safe() {
    for rule in [
        "-p tcp -m tcp --dport 443 -m state --state NEW -m recent --update --seconds 60 --hitcount 20 -j DROP",
        "-p tcp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 10/sec --hashlimit-name web -j DROP",
    ] {
        let advice = https(&filter(&[rule], &[], OPEN));
        expect(&advice, Verdict::Unproven, &["not-looked-at"]);
        assert!(advice.reasons[0].evidence.contains(rule));
    }
}

#[test]
fn what_is_not_understood_but_out_of_the_way_does_no_harm() {
    let rules = filter(
        &[
            "-p udp -m set --match-set bad src -j DROP",
            "-d 192.0.2.7/32 -m string --string x -j DROP",
            "-p tcp -m limit --limit 3/sec -j LOG --log-prefix \"a -j DROP\"",
            "-p tcp --dport 443 -j ACCEPT",
            "-m u32 --u32 0 -j ACCEPT",
        ],
        &[],
        OPEN,
    );
    expect(&https(&rules), Verdict::Safe, &[]);
}
