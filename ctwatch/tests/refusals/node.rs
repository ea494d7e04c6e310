//! A namespace that drops packets, a client of it, and what is counted there.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
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

/// Why a test cannot run here; it is said aloud, since a test that did nothing looks like one that passed.
pub(crate) fn is_skipped(test: &str) -> bool {
    let missing = [
        "ip -Version",
        "nft --version",
        "conntrack --version",
        // Not in this namespace: asking makes the table.
        "unshare -n iptables-legacy -t raw -S",
        "unshare -n ip6tables-legacy -t raw -S",
    ]
    .into_iter()
    .find(|command| !works(command));
    let reason = if !Uid::effective().is_root() {
        "not root".to_owned()
    } else if let Some(command) = missing {
        format!("`{command}` does not work")
    } else if Btf::vmlinux().is_err() {
        "this kernel has no /sys/kernel/btf/vmlinux".to_owned()
    } else {
        return false;
    };
    skip(test, &reason);
    true
}

/// Not by eprintln!, whose text is shown for failed tests only.
pub(crate) fn skip(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

fn works(command: &str) -> bool {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}

/// Runs a program in the namespace of the calling thread.
pub(crate) fn run(command: &str, input: &str) {
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
pub(crate) struct Client(String);

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

    /// A packet to each of these ports of the node.
    pub(crate) fn sweeps(&self, ports: RangeInclusive<u16>) {
        self.run(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for port in ports {
                socket.send_to(b"x", ("10.9.0.1", port)).unwrap();
            }
        });
    }

    pub(crate) fn sends(&self, to: &str, packets: usize) {
        self.run(|| send(to, packets));
    }

    fn run(&self, work: impl FnOnce() + Send) {
        let all = netns::Scanner::new().scan().unwrap();
        let seen = all.iter().find(|seen| seen.name.as_ref() == Some(&self.0));
        netns::within(seen.unwrap(), work).unwrap();
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
pub(crate) fn send(to: &str, packets: usize) {
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

static ALONE: Mutex<()> = Mutex::new(());

/// What a new [`Refusals`] counts in a new namespace with these rules while `traffic` runs there.
pub(crate) fn refused_by(
    rules: &'static [&str],
    traffic: fn(&Client, &mut Refusals),
) -> (BTreeMap<String, u64>, u64) {
    // All of them see the drops of all namespaces, and a sweep takes all the room.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
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
        traffic(&client, &mut refusals);
        let last = counted(&mut refusals);
        assert_eq!(counted(&mut refusals), (BTreeMap::new(), 0));
        last
    };
    thread::spawn(inside).join().unwrap()
}

/// What was counted in the calling thread's namespace since the last time, and what was lost: other tests, and whatever
/// else this machine does, have their own drops.
pub(crate) fn counted(refusals: &mut Refusals) -> (BTreeMap<String, u64>, u64) {
    let own = netns::own().unwrap().netns;
    let dropped = refusals.read();
    let packets = dropped.packets.into_iter();
    let counted = packets
        .filter(|(endpoint, _)| endpoint.netns == own)
        .map(|(endpoint, packets)| (in_words(&endpoint), packets))
        .collect();
    (counted, dropped.lost)
}

/// The limit of every namespace, which is left as it is.
pub(crate) fn limit() -> usize {
    let limit =
        std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max").unwrap_or_default();
    limit.trim().parse().unwrap_or(0)
}

/// Fills the table of the calling thread's namespace with entries that nobody may evict.
pub(crate) fn fill() {
    let mut entries = String::new();
    for n in 0..limit() {
        let (host, port) = (n / 50_000 + 1, n % 50_000 + 1024);
        entries += &format!(
            "-A -p tcp -s 10.1.0.{host} -d 10.2.0.1 --sport {port} --dport 80 -t 3600 \
             --state ESTABLISHED -u SEEN_REPLY,ASSURED\n"
        );
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(entries.as_bytes()).unwrap();
    run(
        &format!("conntrack --load-file {}", file.path().display()),
        "",
    );
}

pub(crate) fn before_6_7() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) < (Some(6), Some(7))
}
