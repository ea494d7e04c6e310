//! Without probes: 20,000 UDP flows and 2,000 TCP connections are counted by port to the last one when they come and
//! when they go, as the kernel's table and conntrack-tools have them, and nothing is lost.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result};

use crate::lab::{
    check::{equal, holds},
    limit, listing,
    recorder::Recorder,
    recording::ENDED,
    traffic::{
        tcp::{self, Server},
        udp,
    },
    world::{NODE, World},
};

const FLOWS: [(u16, u16); 3] = [(53, 11_000), (123, 6_000), (514, 3_000)];
const CONNECTIONS: [(u16, usize); 2] = [(80, 1_200), (443, 800)];
const FIRST_SOURCE: u16 = 20_001;

pub(crate) fn run() -> Result<()> {
    let _room = limit::room_for(25_000)?;
    let world = World::create("netlink")?;
    stretch_timeouts(&world)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["--source", "netlink"])?;
    come(&world)?;
    let there = listing::by_port(&world)?;
    equal("entries by conntrack -C", count(&world)?, 22_000)?;
    let deleted = [("udp", 123), ("tcp", 443)]
        .map(|(protocol, port)| delete(&world, protocol, port).map(|gone| (protocol, port, gone)));
    let left = listing::by_port(&world)?;
    let recording = recorder.stop()?;
    recording.balances(netns, &before, &world.figures()?)?;
    recording.lost_nothing()?;
    holds("nothing lost is said", recording.said.contains("lost: 0 netlink events, "))?;

    let of = |protocol: &str, port: u16| {
        format!(
            "n.inode = {netns} AND protocol = '{protocol}' AND port = {port} AND role = 'inbound' \
             AND address = '{NODE}'"
        )
    };
    equal("ports", there.len(), FLOWS.len() + CONNECTIONS.len())?;
    for ((protocol, port), entries) in &there {
        let what = |what: &str| format!("{protocol}/{port}: {what}");
        let of = of(protocol, *port);
        let (inserted, ended) = (recording.sum("inserted", &of)?, recording.sum(ENDED, &of)?);
        equal(&what("inserted"), inserted, *entries)?;
        let key = (protocol.clone(), *port);
        let left = left.get(&key).copied().unwrap_or(0);
        equal(&what("inserted - ended"), inserted - ended, left)?;
    }
    for gone in deleted {
        let (protocol, port, gone) = gone?;
        let found = recording.sum("deleted", &of(protocol, port))?;
        equal(&format!("{protocol}/{port}: deleted"), found, gone)?;
    }
    Ok(())
}

fn come(world: &World) -> Result<()> {
    let servers: Vec<Server> = CONNECTIONS
        .iter()
        .map(|&(port, connections)| Server::listen(&world.node, (NODE, port).into(), connections))
        .collect::<Result<_>>()?;
    world.client.run(|| {
        for (port, flows) in FLOWS {
            udp::from_ports((NODE, port).into(), FIRST_SOURCE..=FIRST_SOURCE + flows - 1)?;
        }
        CONNECTIONS
            .iter()
            .try_for_each(|&(port, connections)| tcp::short((NODE, port), connections))
    })?;
    servers.into_iter().try_for_each(Server::served)?;
    // The last acknowledgements may still be on their way to the node's table.
    sleep(Duration::from_millis(300));
    Ok(())
}

fn count(world: &World) -> Result<i64> {
    let text = world.conntrack(&["-C"])?;
    text.trim().parse().context("conntrack -C printed no number")
}

/// Deletes a port's entries; how many went.
fn delete(world: &World, protocol: &str, port: u16) -> Result<i64> {
    let before = count(world)?;
    world.conntrack(&["-D", "-p", protocol, "--orig-port-dst", &port.to_string()])?;
    Ok(before - count(world)?)
}

/// Emulation may take minutes: no entry is to expire meanwhile, and no port of the client to be used again.
fn stretch_timeouts(world: &World) -> Result<()> {
    for state in [
        "udp_timeout",
        "tcp_timeout_close",
        "tcp_timeout_last_ack",
        "tcp_timeout_time_wait",
    ] {
        world.node.set(&format!("netfilter.nf_conntrack_{state}"), 600)?;
    }
    world.client.set("ipv4.tcp_max_tw_buckets", 10_000)
}
