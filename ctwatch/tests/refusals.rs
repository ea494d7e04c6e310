//! Packets that netfilter drops before they have an entry, seen on the raw tracepoint `kfree_skb` of the running kernel.
//! A rule in raw stands in for the full table, whose limit is one for all namespaces: both leave the same trace.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its namespace has failed"
)]

use std::{
    collections::BTreeMap,
    io::Write,
    net::{IpAddr, SocketAddr, UdpSocket},
    process::{Command, Stdio},
    thread,
};

use ctwatch::{
    model::endpoint::{Endpoint, Role},
    source::{
        kernel::{btf::Btf, refusals::Refusals},
        node::{self, address, netns},
    },
};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::Uid,
};

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

fn is_skipped(test: &str) -> bool {
    let missing = [
        ("iptables-legacy", "--version"),
        ("nft", "--version"),
        ("ip", "-Version"),
    ]
    .into_iter()
    .find(|(program, version)| Command::new(program).arg(version).output().is_err());
    let reason = if !Uid::effective().is_root() {
        "not root".to_owned()
    } else if let Some((program, _)) = missing {
        format!("{program} is not installed")
    } else if Btf::vmlinux().is_err() {
        "this kernel has no /sys/kernel/btf/vmlinux".to_owned()
    } else {
        return false;
    };
    // Not by eprintln!, whose text is shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    true
}

/// Runs a program in the namespace of the calling thread.
fn run(command: &str, input: &str) {
    let mut words = command.split(' ');
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{command}");
}

/// A namespace with a name, which goes with the test.
struct Client(String);

impl Client {
    /// Joined to the calling thread's namespace, which has the addresses that end in 1.
    fn join() -> Self {
        let client = Self(format!(
            "ctwatch-refused-{}",
            netns::own().unwrap().netns.inode
        ));
        let name = &client.0;
        run(&format!("ip netns add {name}"), "");
        run(
            "ip -batch -",
            &format!(
                "link set lo up\nlink add eth0 type veth peer name eth0 netns {name}\n\
             addr add 10.9.0.1/24 dev eth0\naddr add fd09::1/64 dev eth0 nodad\nlink set eth0 up\n"
            ),
        );
        run(
            &format!("ip -n {name} -batch -"),
            "addr add 10.9.0.2/24 dev eth0\naddr add fd09::2/64 dev eth0 nodad\nlink set eth0 up\n",
        );
        client
    }

    fn sends(&self, to: &str, packets: usize) {
        let all = netns::Scanner::new().scan().unwrap();
        let seen = all.iter().find(|seen| seen.name.as_ref() == Some(&self.0));
        netns::within(seen.unwrap(), || send(to, packets)).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Not `run`: a test that has failed is on its way out.
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.0])
            .status();
    }
}

/// Sends datagrams, whether or not netfilter lets them out.
fn send(to: &str, packets: usize) {
    let to: SocketAddr = to.parse().unwrap();
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    let socket = UdpSocket::bind((any, 0)).unwrap();
    for _ in 0..packets {
        let _ = socket.send_to(b"x", to);
    }
}

fn in_words(endpoint: &Endpoint) -> String {
    let role = endpoint.role.map_or("unknown", Role::as_str);
    let address = endpoint.address.map(|address| format!(" at {address}"));
    format!(
        "{role} {} {}/{}{}",
        format!("{:?}", endpoint.family).to_lowercase(),
        endpoint.protocol,
        endpoint.port,
        address.unwrap_or_default()
    )
}

/// What a new [`Refusals`] counts in a new namespace while `traffic` runs there.
fn refused_by(rules: &'static [&str], traffic: fn(&Client)) -> (BTreeMap<String, u64>, u64) {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let client = Client::join();
        for rule in rules {
            run(rule, "");
        }
        let own = netns::own().unwrap();
        let mut refusals = Refusals::attach(&node::read(true)).unwrap();
        refusals
            .set_addresses(own.netns, &address::read(&own).unwrap())
            .unwrap();
        traffic(&client);
        let counted = refusals
            .read()
            .into_iter()
            // Other tests, and whatever else this machine does, have their own drops.
            .filter(|(endpoint, _)| endpoint.netns == own.netns)
            .map(|(endpoint, packets)| (in_words(&endpoint), packets))
            .collect();
        assert_eq!(refusals.read(), []);
        (counted, refusals.lost())
    };
    thread::spawn(inside).join().unwrap()
}

#[test]
fn drops_before_tracking_are_counted_under_the_endpoint_they_were_for() {
    if is_skipped("drops_before_tracking_are_counted_under_the_endpoint_they_were_for") {
        return;
    }
    let (counted, lost) = refused_by(&RULES, |client| {
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
    let (counted, lost) = refused_by(&OTHERS, |client| {
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
fn what_nftables_drops_is_not_counted() {
    if is_skipped("what_nftables_drops_is_not_counted") {
        return;
    }
    if before_6_7() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: what_nftables_drops_is_not_counted: it is told apart from Linux 6.7 on"
        );
        return;
    }
    let (counted, lost) = refused_by(&BY_NFT, |client| {
        client.sends("10.9.0.1:5353", 10);
        client.sends("10.9.0.1:53", 1);
    });
    assert_eq!(
        counted,
        [("inbound ipv4 udp/53 at 10.9.0.1".to_owned(), 1)].into()
    );
    assert_eq!(lost, 0);
}

fn before_6_7() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) < (Some(6), Some(7))
}
