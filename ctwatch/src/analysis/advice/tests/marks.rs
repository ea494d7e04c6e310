//! Marks of packets from table to table.

use super::*;

#[test]
fn a_mark_that_an_earlier_table_sets_is_known_in_a_later_one() {
    let rules = |set: &str| {
        format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-xmark {set}\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n\
             -A INPUT -m mark --mark 0x2/0xff -m conntrack --ctstate NEW -j DROP\nCOMMIT\n"
        )
    };
    expect(&https(&rules("0x1/0xff")), Verdict::Safe, &[]);
    expect(
        &https(&rules("0x2/0xff")),
        Verdict::Blocked,
        &["filter-opens"],
    );
    // Set for some clients only.
    let some = rules("0x2/0xff").replace("-p tcp -m", "-s 198.51.100.0/24 -p tcp -m");
    expect(&https(&some), Verdict::Blocked, &["filter-opens"]);
}

#[test]
fn a_mark_that_only_the_first_packet_of_a_tracked_connection_has_is_not_counted_on() {
    let rules = |port: u16| {
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport {port} -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n\
             *filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
             -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -m mark --mark 0x7 -j ACCEPT\nCOMMIT\n"
        )
    };
    let advice = https(&rules(443));
    assert_eq!(advice.verdict, Verdict::Unproven, "{:#?}", advice.reasons);
    let asks = |reason: &super::super::Reason| reason.evidence.contains("-m mark --mark 0x7");
    assert!(advice.reasons.iter().any(asks), "{:#?}", advice.reasons);
    assert_ne!(https(&rules(80)).verdict, Verdict::Unproven);
}
