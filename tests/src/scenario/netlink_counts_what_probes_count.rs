//! Probes and netlink events watch the same traffic at once, by two recorders: port by port they count the same, the
//! refused and the evicted of a full table included, and both agree with the kernel.

use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::{Context, Result};

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::{ENDED, Recording},
    setting::Setting,
    traffic::{icmp, tcp, udp},
    world::{NODE, NODE4, NODE6, World},
};

/// Room for all that comes before the table is full, and for a few more.
const MAX: u32 = 450;
/// Connections that nothing can evict.
const HELD: usize = 200;

pub(crate) fn run() -> Result<()> {
    let world = World::create("both")?;
    let netns = world.node.inode()?;
    let held_at = SocketAddr::from((NODE, 443));
    let listener = tcp::listener(&world.node, held_at)?;
    let _buckets = Setting::buckets(4096)?;
    let max = Setting::max(MAX)?;
    let before = world.figures()?;
    let probes = Recorder::start(&[])?;
    let netlink = Recorder::start(&["--source", "netlink"])?;

    healthy(&world)?;
    let mut held = Vec::new();
    for _ in 0..HELD {
        let client = world
            .client
            .run(|| TcpStream::connect(held_at).context("cannot connect"))?;
        held.push((client, listener.accept()?));
    }
    // Some evict others, some are refused.
    for port in [53, 514] {
        world
            .client
            .run(|| udp::from_ports((NODE, port).into(), 20_001..=21_500))?;
    }
    let six = IpAddr::V6(NODE6);
    world
        .client
        .run(|| udp::from_ports((six, 53).into(), 30_001..=30_500))?;

    // Above 95 % of its limit the garbage collector goes on evicting, also between the recorder's last figures and ours.
    drop(max);
    let (netlink, probes) = (netlink.stop()?, probes.stop()?);
    let after = world.figures()?;
    probes.agrees(netns, &before, &after)?;
    netlink.agrees(netns, &before, &after)?;
    same(&probes, &netlink, netns)?;
    let refused = netlink.sum("refused", &format!("n.inode = {netns}"))?;
    let drop = after.grown(&before, "drop")?;
    equal("refused, all of them by port", refused, drop)?;
    let unobserved = "SELECT count(*) FROM delta WHERE insert_failed IS NOT NULL";
    equal("inserts known not to have failed", netlink.number(unobserved)?, 0)
}

/// Connections of every kind, and some that are deleted.
fn healthy(world: &World) -> Result<()> {
    let server = tcp::Server::listen(&world.node, (NODE, 80).into(), 30)?;
    world.client.run(|| {
        udp::to_ports(NODE, 40_000, 7001..=7050)?;
        tcp::short((NODE, 80), 30)?;
        icmp::echo(NODE4, 1..20)?;
        icmp::echo6(NODE6, 1..10)
    })?;
    server.served()?;
    let gone = ["-D", "-p", "udp", "--orig-port-dst", "7001"];
    world.conntrack(&gone).map(drop)
}

fn same(probes: &Recording, netlink: &Recording, netns: u64) -> Result<()> {
    // Evicted agrees in sum with the kernel (`agrees`), by port it need not: which of two ends was early drop's and which
    // garbage collection's, no event tells.
    for what in ["inserted", ENDED, "refused", "deleted", "unreplied", "assured"] {
        equal(what, netlink.by_port(what, netns)?, probes.by_port(what, netns)?)?;
    }
    Ok(())
}
