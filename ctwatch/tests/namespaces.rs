//! Dumps, tables, addresses and namespaces on the running kernel, in network namespaces of the tests' own.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its namespace has failed"
)]

use std::{
    fs,
    io::Write,
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ctwatch::{
    model::{dump::DumpKind, endpoint::Role, entry::Entry, node::Address},
    source::{
        netlink::{self, stats},
        node::{self, address, netns},
        table,
    },
};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::Uid,
};

/// Why the tests cannot run here; it is said aloud, since a test that did nothing looks like one that passed.
fn is_skipped(test: &str) -> bool {
    let missing = [("conntrack", "--version"), ("ip", "-Version")]
        .into_iter()
        .find(|(program, version)| Command::new(program).arg(version).output().is_err());
    let reason = if !Uid::effective().is_root() {
        "not root".to_owned()
    } else if let Some((program, _)) = missing {
        format!("{program} is not installed")
    } else if !std::path::Path::new("/proc/sys/net/netfilter/nf_conntrack_max").exists() {
        "conntrack is not loaded".to_owned()
    } else {
        return false;
    };
    // Not by eprintln!, whose text is shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    true
}

/// Runs a program in the namespace of the calling thread.
fn run(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a test in a namespace that ends with it.
fn in_a_namespace(test: fn()) {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        test();
    };
    thread::Builder::new()
        .spawn(inside)
        .unwrap()
        .join()
        .unwrap();
}

const ENTRIES: [&str; 7] = [
    "-p tcp -s 198.51.100.7 -d 203.0.113.10 --sport 41000 --dport 443 --state ESTABLISHED -u SEEN_REPLY,ASSURED",
    "-p tcp -s 198.51.100.8 -d 203.0.113.10 --sport 41000 --dport 443 --state SYN_SENT",
    "-p tcp -s 198.51.100.7 -d 203.0.113.20 --sport 41000 --dport 443 --state TIME_WAIT -u SEEN_REPLY \
     -r 10.244.3.7 -q 198.51.100.7 --reply-port-src 8443 --reply-port-dst 41000 -m 6",
    "-p udp -s 203.0.113.10 -d 198.51.100.1 --sport 37005 --dport 53 -u SEEN_REPLY",
    "-p icmp -s 198.51.100.7 -d 203.0.113.10 --icmp-type 8 --icmp-code 0 --icmp-id 4242",
    "-p tcp -s 2001:db8::1 -d 2001:db8::10 --sport 35104 --dport 80 --state CLOSE_WAIT -u SEEN_REPLY",
    "-p 112 -s 203.0.113.10 -d 224.0.0.18",
];

fn make_entries() {
    run("ip address add 203.0.113.10/32 dev lo");
    run("ip address add 2001:db8::10/128 dev lo");
    for entry in ENTRIES {
        run(&format!("conntrack -I -t 3600 {entry}"));
    }
}

/// What `conntrack -L` prints, sorted, less the seconds left and the fields an entry does not hold.
fn comparable<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let is_kept = |(place, field): &(usize, &str)| {
        *place != 2
            && !["packets=", "bytes=", "delta-time=", "use="]
                .iter()
                .any(|it| field.starts_with(it))
    };
    let mut lines: Vec<String> = lines
        .map(|line| {
            let fields = line.split_whitespace().enumerate().filter(is_kept);
            fields.map(|(_, field)| field).collect::<Vec<_>>().join(" ")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_dump_shows_what_conntrack_lists() {
    if is_skipped("a_dump_shows_what_conntrack_lists") {
        return;
    }
    in_a_namespace(|| {
        make_entries();
        let mut ours = Vec::new();
        netlink::entries(&netns::own().unwrap(), |entry: &Entry| {
            ours.push(entry.to_string())
        })
        .unwrap();
        let theirs = run("conntrack -L");
        assert_eq!(ours.len(), ENTRIES.len());
        assert_eq!(
            comparable(ours.iter().map(String::as_str)),
            comparable(theirs.lines())
        );
    });
}

#[test]
fn statistics_over_ctnetlink_are_those_of_the_file() {
    if is_skipped("statistics_over_ctnetlink_are_those_of_the_file") {
        return;
    }
    in_a_namespace(|| {
        make_entries();
        let file = fs::read_to_string("/proc/thread-self/net/stat/nf_conntrack").unwrap();
        let mut lines = file.lines().map(str::split_whitespace);
        let place = lines.next().unwrap().position(|name| name == "insert");
        let by_file: Vec<u32> = lines
            .map(|mut row| u32::from_str_radix(row.nth(place.unwrap()).unwrap(), 16).unwrap())
            .collect();
        let cpus = stats::read().unwrap();
        let by_ctnetlink: Vec<u32> = cpus.iter().map(|cpu| cpu.insert.unwrap()).collect();
        assert_eq!(by_ctnetlink, by_file);
        assert_eq!(by_ctnetlink.iter().sum::<u32>(), ENTRIES.len() as u32);
        assert!(
            cpus.iter()
                .all(|cpu| cpu.drop == Some(0) && cpu.early_drop == Some(0))
        );
    });
}

#[test]
fn a_dump_is_counted_under_the_namespaces_own_addresses() {
    if is_skipped("a_dump_is_counted_under_the_namespaces_own_addresses") {
        return;
    }
    in_a_namespace(|| {
        make_entries();
        let own = netns::own().unwrap();
        let addresses = address::read(&own).unwrap();
        let listed: Vec<_> = addresses
            .iter()
            .map(|each: &Address| format!("{} {}/{}", each.interface, each.address, each.prefix))
            .collect();
        for expected in [
            "lo 127.0.0.1/8",
            "lo 203.0.113.10/32",
            "lo ::1/128",
            "lo 2001:db8::10/128",
        ] {
            assert!(
                listed.iter().any(|each| each == expected),
                "{expected} in {listed:?}"
            );
        }
        let dump = netlink::dump(&own, Some(&addresses), DumpKind::Baseline).unwrap();
        assert_eq!((dump.entries, dump.distinct_clients), (7, 4));
        let of = |role, port| {
            let mut found = dump
                .endpoints
                .iter()
                .filter(|(it, _)| it.role == Some(role) && it.port == port);
            let (endpoint, seen) = found.next().unwrap();
            assert_eq!(found.next(), None);
            (endpoint.address.map(|address| address.to_string()), seen)
        };
        let (address, https) = of(Role::Inbound, 443);
        assert_eq!(
            (address.as_deref(), https.entries, https.clients),
            (Some("203.0.113.10"), 2, 2)
        );
        let (address, forwarded) = of(Role::Forwarded, 443);
        assert_eq!((address, forwarded.findings.len()), (None, 2));
        assert_eq!(of(Role::Outbound, 53).1.states.get("REPLIED"), Some(1));

        let table = table::read(&own);
        assert_eq!(table.count, Some(7));
        assert_eq!(table.stats.map(|stats| stats.insert), Some(7));
        assert!(table.max.is_some() && table.buckets.is_some());
    });
}

/// A namespace with a name and nothing in it, which goes with the test.
struct Named(String);

impl Named {
    fn add(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        run(&format!("ip netns add {name}"));
        Self(name)
    }

    fn find(&self, all: Vec<netns::Seen>) -> Option<netns::Seen> {
        all.into_iter()
            .find(|seen| seen.name.as_ref() == Some(&self.0))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        run(&format!("ip netns delete {}", self.0));
    }
}

#[test]
fn a_namespace_that_only_a_name_holds_is_found_entered_and_told_from_its_successor() {
    if is_skipped("a_namespace_that_only_a_name_holds_is_found_entered_and_told_from_its_successor")
    {
        return;
    }
    let mut scanner = netns::Scanner::new();
    let named = Named::add("ctwatch-a");
    let first = named.find(scanner.scan().unwrap()).unwrap();
    assert!(!first.own);
    let inside = netns::within(&first, || netns::own().unwrap().netns).unwrap();
    assert_eq!(inside, first.netns);
    assert_eq!(named.find(scanner.scan().unwrap()), Some(first.clone()));

    run(&format!(
        "ip netns exec {} conntrack -I -t 60 {}",
        named.0, ENTRIES[0]
    ));
    assert_eq!(table::read(&first).count, Some(1));
    assert_eq!(
        netlink::dump(&first, None, DumpKind::Final)
            .unwrap()
            .entries,
        1
    );
    assert!(
        address::read(&first)
            .unwrap()
            .iter()
            .all(|each| each.interface == "lo")
    );
    assert!(node::read(false).namespaces.contains(&first.namespace()));

    drop(named);
    if first.netns.cookie == 0 {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the successor: this kernel tells no cookie (Linux 5.14 does)"
        );
        return;
    }
    let successor = Named::add("ctwatch-a");
    let second = successor.find(scanner.scan().unwrap()).unwrap();
    assert_ne!(first.netns.cookie, second.netns.cookie);
    let gone = netns::within(&first, || ()).unwrap_err();
    assert!(gone.to_string().ends_with("it is gone"), "{gone}");
}

#[test]
fn a_process_that_moves_into_a_namespace_soon_after_its_start_is_found_there() {
    if is_skipped("a_process_that_moves_into_a_namespace_soon_after_its_start_is_found_there") {
        return;
    }
    let mut scanner = netns::Scanner::new();
    scanner.scan().unwrap();
    let mut moving = Command::new("sh")
        .args(["-c", "read go; exec unshare --net cat"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    scanner.scan().unwrap();
    writeln!(moving.stdin.as_mut().unwrap(), "go").unwrap();
    let link = format!("/proc/{}/ns/net", moving.id());
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let there = loop {
        let there = fs::read_link(&link).unwrap();
        if there != own {
            break there.to_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "it does not move");
        thread::sleep(Duration::from_millis(20));
    };
    let all = scanner.scan().unwrap();
    drop(moving.stdin.take());
    moving.wait().unwrap();
    let found = |seen: &netns::Seen| there == format!("net:[{}]", seen.netns.inode);
    assert!(all.iter().any(found), "{there} in {all:?}");
}

#[test]
fn the_port_of_an_ssh_daemon_is_the_operators_own() {
    let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
    let comm = "/proc/self/comm";
    let name = fs::read_to_string(comm).unwrap();
    fs::write(comm, "sshd").unwrap();
    let ports = node::read(true).control_ports;
    fs::write(comm, name.trim_end()).unwrap();
    let port = daemon.local_addr().unwrap().port();
    assert!(ports.contains(&port), "{port} in {ports:?}");
}

#[test]
fn watching_a_namespace_does_not_keep_it_alive() {
    if is_skipped("watching_a_namespace_does_not_keep_it_alive") {
        return;
    }
    in_a_namespace(|| {
        let named = Named::add("ctwatch-b");
        run(&format!(
            "ip link add here type veth peer name there netns {}",
            named.0
        ));
        let (mut scanner, mut reader) = (netns::Scanner::new(), table::Reader::new());
        let seen = scanner.scan().unwrap();
        assert_eq!(reader.read_all(&seen).len(), seen.len());
        assert!(named.find(seen).is_some());
        drop(named);
        // One end of a veth pair goes when the namespace of the other does, a moment later.
        let is_there = || {
            Command::new("ip")
                .args(["link", "show", "here"])
                .output()
                .unwrap()
                .status
                .success()
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while is_there() {
            assert!(Instant::now() < deadline, "the namespace is still alive");
            thread::sleep(Duration::from_millis(20));
        }
    });
}
