//! Every protocol and both families count, each under its own endpoint, with the answers that some got.

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    traffic::{
        icmp,
        tcp::{self, Server},
        udp,
    },
    world::{NODE, NODE4, NODE6, World},
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("kinds")?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let server = Server::listen(&world.node, (NODE6, 443).into(), 50)?;
    world.client.run(|| {
        udp::from_ports((NODE, 5300).into(), 20_001..=20_300)?;
        udp::from_ports((NODE6, 5300).into(), 20_001..=20_200)?;
        icmp::echo(NODE4, 0..100)?;
        icmp::echo6(NODE6, 0..70)?;
        tcp::short((NODE6.into(), 443), 50)
    })?;
    server.served()?;
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;

    let recorder = Recorder::start(&[])?;
    world.conntrack(&["-F"])?;
    let gone = recorder.stop()?;
    for (family, protocol, port, address, flows, replied) in [
        ("ipv4", "udp", 5300, NODE4.to_string(), 300, false),
        ("ipv6", "udp", 5300, NODE6.to_string(), 200, false),
        ("ipv4", "icmp", 0, NODE4.to_string(), 100, true),
        ("ipv6", "icmpv6", 0, NODE6.to_string(), 70, true),
        ("ipv6", "tcp", 443, NODE6.to_string(), 50, true),
    ] {
        let of = format!(
            "n.inode = {netns} AND family = '{family}' AND protocol = '{protocol}' \
             AND role = 'inbound' AND port = {port} AND address = '{address}'"
        );
        let what = |what: &str| format!("{family} {protocol}: {what}");
        equal(&what("inserted"), recording.sum("inserted", &of)?, flows)?;
        equal(&what("deleted"), gone.sum("deleted", &of)?, flows)?;
        let unreplied = if replied { 0 } else { flows };
        equal(&what("unreplied"), gone.sum("unreplied", &of)?, unreplied)?;
    }
    Ok(())
}
