//! 5,000 short connections over four ports: each port's own are counted to the last one, when they come, by
//! their state in the last dump, and when they go.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, bail};

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::ENDED,
    traffic::tcp::{self, Server},
    world::{NODE, NODE4, World},
};

const PORTS: [(u16, usize); 4] = [(80, 2000), (443, 1500), (8080, 1000), (9000, 500)];

pub(crate) fn run() -> Result<()> {
    let world = World::create("tcp")?;
    // As many as there are connections to a port: a client's port in TIME_WAIT is not used again then.
    world.client.set("ipv4.tcp_max_tw_buckets", 10_000)?;
    let netns = world.node.inode()?;
    let empty = world.figures()?;
    let recorder = Recorder::start(&[])?;
    connect(&world)?;
    settle(&world)?;
    let come = recorder.stop()?;
    let full = world.figures()?;
    equal("entries by conntrack -C", world.conntrack(&["-C"])?.trim(), "5000")?;
    come.agrees(netns, &empty, &full)?;
    equal("inserted", come.sum("inserted", &format!("n.inode = {netns}"))?, 5000)?;

    let recorder = Recorder::start(&[])?;
    world.conntrack(&["-F"])?;
    let gone = recorder.stop()?;
    gone.agrees(netns, &full, &world.figures()?)?;

    for (port, connections) in PORTS {
        let connections = i64::try_from(connections)?;
        let of = format!(
            "n.inode = {netns} AND protocol = 'tcp' AND family = 'ipv4' AND role = 'inbound' \
             AND address = '{NODE4}' AND port = {port}"
        );
        let what = |what: &str| format!("port {port}: {what}");
        equal(&what("inserted"), come.sum("inserted", &of)?, connections)?;
        equal(&what("ended before time"), come.sum(ENDED, &of)?, 0)?;
        equal(&what("TIME_WAIT"), come.in_state("TIME_WAIT", &of)?, connections)?;
        equal(&what("deleted"), gone.sum("deleted", &of)?, connections)?;
        equal(&what("last TIME_WAIT"), gone.sum("last_time_wait", &of)?, connections)?;
        equal(&what("assured at the end"), gone.sum("assured", &of)?, connections)?;
    }
    Ok(())
}

/// The last acknowledgements may still be on their way to the node's table.
fn settle(world: &World) -> Result<()> {
    let waiting = || world.conntrack(&["-L", "-p", "tcp", "--state", "TIME_WAIT"]);
    for _ in 0..20 {
        if waiting()?.lines().count() == 5000 {
            return Ok(());
        }
        sleep(Duration::from_millis(200));
    }
    let listing = world.conntrack(&["-L", "-p", "tcp"])?;
    let other = listing.lines().find(|line| !line.contains("TIME_WAIT"));
    bail!("a connection does not come to TIME_WAIT: {}", other.unwrap_or("none is listed"))
}

fn connect(world: &World) -> Result<()> {
    let servers: Vec<Server> = PORTS
        .iter()
        .map(|&(port, connections)| Server::listen(&world.node, (NODE, port).into(), connections))
        .collect::<Result<_>>()?;
    world.client.run(|| {
        PORTS
            .iter()
            .try_for_each(|&(port, connections)| tcp::short((NODE, port), connections))
    })?;
    servers.into_iter().try_for_each(Server::served)
}
