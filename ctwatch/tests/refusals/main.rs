//! Packets that netfilter drops before they have an entry, seen on the raw tracepoint `kfree_skb` of the running kernel.
//! A rule in raw stands in for the full table, whose limit is one for all namespaces: both leave the same trace. One test
//! fills a table of its own up to that limit.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its namespace has failed"
)]

use std::collections::BTreeMap;

use ctwatch::source::{node::netns, table};

mod node;

use node::{before_6_7, counted, fill, is_skipped, limit, refused_by, send, skip};

/// A table of more is not filled here: it would take too long, and too much memory.
const FEW: usize = 300_000;

/// Dropped on their way in or out, before tracking, by hooks of the same kind as tracking's own.
const RULES: [&str; 4] = [
    "iptables-legacy -t raw -A PREROUTING -p udp --dport 53 -j DROP",
    "iptables-legacy -t raw -A OUTPUT -p udp -m multiport --dports 123,9999 -j DROP",
    "ip6tables-legacy -t raw -A PREROUTING -p udp --dport 5353 -j DROP",
    "ip6tables-legacy -t raw -A OUTPUT -p udp --dport 123 -j DROP",
];

/// 53 as above; 7777 is dropped after routing, 8888 is not tracked.
const OTHERS: [&str; 4] = [
    RULES[0],
    "iptables-legacy -A INPUT -p udp --dport 7777 -j DROP",
    "iptables-legacy -t raw -A PREROUTING -p udp --dport 8888 -j CT --notrack",
    "iptables-legacy -t raw -A PREROUTING -p udp --dport 8888 -j DROP",
];

/// What nftables drops before tracking, beside 53 as above.
const BY_NFT: [&str; 4] = [
    RULES[0],
    "nft add table inet test",
    "nft add chain inet test before { type filter hook prerouting priority -300 ; }",
    "nft add rule inet test before udp dport 5353 drop",
];

/// More endpoints than there is room for.
const ALL_UDP: [&str; 1] = ["iptables-legacy -t raw -A PREROUTING -p udp -j DROP"];

#[test]
fn drops_before_tracking_are_counted_under_the_endpoint_they_were_for() {
    if is_skipped("drops_before_tracking_are_counted_under_the_endpoint_they_were_for") {
        return;
    }
    let (counted, lost) = refused_by(&RULES, |client, _| {
        client.sends("10.9.0.1:53", 30);
        client.sends("[fd09::1]:5353", 20);
        send("10.9.0.2:123", 10);
        send("[fd09::2]:123", 5);
        send("127.0.0.1:9999", 7);
    });
    let expected = [
        ("inbound ipv4 udp/53 at 10.9.0.1", 30),
        ("inbound ipv6 udp/5353 at fd09::1", 20),
        ("outbound ipv4 udp/123", 10),
        ("outbound ipv6 udp/123", 5),
        ("loopback ipv4 udp/9999 at 127.0.0.1", 7),
    ];
    assert_eq!(
        counted,
        expected
            .map(|(text, packets)| (text.to_owned(), packets))
            .into()
    );
    assert_eq!(lost, 0);
}

#[test]
fn what_rules_drop_after_routing_or_untracked_is_not_counted() {
    if is_skipped("what_rules_drop_after_routing_or_untracked_is_not_counted") {
        return;
    }
    let (counted, lost) = refused_by(&OTHERS, |client, _| {
        client.sends("10.9.0.1:7777", 10);
        client.sends("10.9.0.1:8888", 10);
        client.sends("10.9.0.1:53", 1);
    });
    assert_eq!(
        counted,
        [("inbound ipv4 udp/53 at 10.9.0.1".to_owned(), 1)].into()
    );
    assert_eq!(lost, 0);
}

#[test]
fn what_finds_no_room_is_told_as_lost_until_others_make_way() {
    if is_skipped("what_finds_no_room_is_told_as_lost_until_others_make_way") {
        return;
    }
    let (after, lost) = refused_by(&ALL_UDP, |client, refusals| {
        client.sweeps(20_001..=40_000);
        let (first, lost) = counted(refusals);
        assert!(lost > 0);
        assert_eq!(first.values().sum::<u64>() + lost, 20_000);
        client.sends("10.9.0.1:53", 1);
        assert_eq!(counted(refusals), (BTreeMap::new(), 1));
        // Those that stood still have made way now.
        client.sweeps(1_001..=9_000);
    });
    assert_eq!((after.len(), lost), (8_000, 0));
}

/// Every packet is tracked on its way in and out.
const TRACKED: [&str; 5] = [
    "nft add table inet test",
    "nft add chain inet test before { type filter hook prerouting priority 0 ; }",
    "nft add rule inet test before ct state new counter",
    "nft add chain inet test out { type filter hook output priority 0 ; }",
    "nft add rule inet test out ct state new counter",
];

#[test]
fn a_full_table_is_told_by_port_and_the_kernel_agrees() {
    let name = "a_full_table_is_told_by_port_and_the_kernel_agrees";
    if is_skipped(name) {
        return;
    }
    if !(1..=FEW).contains(&limit()) {
        skip(
            name,
            &format!("nf_conntrack_max is {}, not between 1 and {FEW}", limit()),
        );
        return;
    }
    let (counted, lost) = refused_by(&TRACKED, |client, _| {
        fill();
        let drops = || table::read(&netns::own().unwrap()).stats.unwrap().drop;
        let before = drops();
        client.sends("10.9.0.1:53", 30);
        client.sends("[fd09::1]:5353", 20);
        send("10.9.0.2:123", 10);
        assert_eq!(drops() - before, 60);
    });
    let expected = [
        ("inbound ipv4 udp/53 at 10.9.0.1", 30),
        ("inbound ipv6 udp/5353 at fd09::1", 20),
        ("outbound ipv4 udp/123", 10),
    ];
    assert_eq!(
        counted,
        expected
            .map(|(text, packets)| (text.to_owned(), packets))
            .into()
    );
    assert_eq!(lost, 0);
}

#[test]
fn what_nftables_drops_is_not_counted() {
    if is_skipped("what_nftables_drops_is_not_counted") {
        return;
    }
    if before_6_7() {
        skip(
            "what_nftables_drops_is_not_counted",
            "it is told apart from Linux 6.7 on",
        );
        return;
    }
    let (counted, lost) = refused_by(&BY_NFT, |client, _| {
        client.sends("10.9.0.1:5353", 10);
        client.sends("10.9.0.1:53", 1);
    });
    assert_eq!(
        counted,
        [("inbound ipv4 udp/53 at 10.9.0.1".to_owned(), 1)].into()
    );
    assert_eq!(lost, 0);
}
