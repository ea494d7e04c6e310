//! The node under measurement, and a client of it: two namespaces, a veth pair between them.
//!
//! | | node | client |
//! |---|---|---|
//! | namespace | the machine's own | `client` |
//! | interface | `n0`, [`NODE`] | `c0`, [`CLIENT`] |

use std::{
    fs::File,
    io::Write as _,
    net::Ipv4Addr,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sched::{CloneFlags, setns};

pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
pub(crate) const NODE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub(crate) const CLIENT_INTERFACE: &str = "c0";

/// Makes the namespaces and the interfaces between them. No background traffic: no IPv6, no ARP.
pub(crate) fn make() -> Result<()> {
    shell(&format!(
        "ip netns add client
         ip link add n0 address 02:00:00:00:00:01 type veth peer name c0 address 02:00:00:00:00:02 netns client
         sysctl -qw net.ipv6.conf.n0.disable_ipv6=1
         ip netns exec client sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
         ip addr add {NODE}/24 dev n0
         ip link set n0 up
         ip -n client addr add {CLIENT}/24 dev c0
         ip -n client link set c0 up
         ip neigh add {CLIENT} lladdr 02:00:00:00:00:02 dev n0 nud permanent
         ip -n client neigh add {NODE} lladdr 02:00:00:00:00:01 dev c0 nud permanent"
    ))
}

/// Tracks what the node receives, as a filter with `ct state` does, in a table that no round fills.
pub(crate) fn track() -> Result<()> {
    nft("add table ip bench
         add chain ip bench input { type filter hook input priority 0; }
         add rule ip bench input ct state new counter")?;
    shell(
        "echo 65536 >/sys/module/nf_conntrack/parameters/hashsize
         sysctl -qw net.netfilter.nf_conntrack_max=262144 net.netfilter.nf_conntrack_udp_timeout=3600",
    )
}

/// Sets a sysctl.
pub(crate) fn set(name: &str, value: &str) -> Result<()> {
    shell(&format!("sysctl -qw {name}={value}"))
}

/// Makes the table so small, with as many buckets. That it is full goes to the kernel's log alone: a console would cost
/// more than what is measured.
pub(crate) fn limit(entries: u32) -> Result<()> {
    shell(&format!(
        "echo {entries} >/sys/module/nf_conntrack/parameters/hashsize
         sysctl -qw net.netfilter.nf_conntrack_max={entries} kernel.printk=1"
    ))
}

/// Leaves untracked what [`track`] tracks, in both directions.
pub(crate) fn untrack() -> Result<()> {
    nft(&format!(
        "add table ip untracked
         add chain ip untracked prerouting {{ type filter hook prerouting priority raw; }}
         add chain ip untracked output {{ type filter hook output priority raw; }}
         add rule ip untracked prerouting ip daddr {NODE} notrack
         add rule ip untracked output ip saddr {NODE} notrack"
    ))
}

/// Takes [`untrack`] back.
pub(crate) fn track_again() -> Result<()> {
    nft("delete table ip untracked")
}

/// Runs `work` on this thread in the client's namespace.
pub(crate) fn as_client<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let home = File::open("/proc/self/ns/net").context("cannot open /proc/self/ns/net")?;
    let client = File::open("/run/netns/client").context("cannot open /run/netns/client")?;
    setns(&client, CloneFlags::CLONE_NEWNET).context("cannot enter namespace client")?;
    let result = work();
    setns(&home, CloneFlags::CLONE_NEWNET).context("cannot come back from namespace client")?;
    result
}

/// Lets timers run out: TIME_WAIT (60 s) and whatever a round set going. With `--icount` it takes no time.
pub(crate) fn rest() {
    thread::sleep(Duration::from_secs(65));
}

/// Lets programs in the background do what there is to do.
pub(crate) fn catch_up() {
    thread::sleep(Duration::from_secs(2));
}

pub(crate) fn shell(script: &str) -> Result<()> {
    feed(Command::new("sh").args(["-eu", "-s"]), script)
}

fn nft(rules: &str) -> Result<()> {
    feed(Command::new("nft").args(["-f", "-"]), rules)
}

fn feed(command: &mut Command, input: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?} ended with {status} at:\n{input}");
    }
    Ok(())
}
