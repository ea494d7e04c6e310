//! Without probes, too, each packet that a full table refuses is counted under the port it was for, whichever way it
//! came; packets that are not tracked, and those that a firewall drops after tracking, are not.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream, UdpSocket},
};

use anyhow::{Context, Result, bail};

use crate::lab::{
    check::equal,
    recorder::Recorder,
    setting::Setting,
    traffic::{icmp, tcp, udp},
    world::{CLIENT4, NODE, NODE4, NODE6, World},
};

const MAX: u32 = 100;

/// 6000 and 6001 are not tracked; what is invalid, and 6001, is dropped once it is routed.
const FIREWALL: &str = "table inet firewall {
    chain raw { type filter hook prerouting priority -300; udp dport { 6000, 6001 } notrack; }
    chain input { type filter hook input priority 0; udp dport 6001 drop; ct state invalid drop; }
}";

/// Role, family, protocol, port and packets of what is refused.
const REFUSED: [(&str, &str, &str, u16, i64); 6] = [
    ("inbound", "ipv4", "udp", 53, 150),
    ("inbound", "ipv6", "udp", 5353, 70),
    ("inbound", "ipv4", "icmp", 0, 20),
    ("outbound", "ipv4", "udp", 123, 40),
    ("loopback", "ipv4", "udp", 9999, 30),
    ("inbound", "ipv4", "udp", 443, 10),
];

pub(crate) fn run() -> Result<()> {
    let world = World::create("dropped")?;
    world.load_rules(FIREWALL)?;
    let netns = world.node.inode()?;
    let _held = fill(&world)?;
    let _max = Setting::max(MAX)?;
    let recorder = Recorder::start(&["--source", "netlink"])?;
    let before = world.figures()?;
    world.client.run(|| {
        udp::from_ports((NODE, 53).into(), 20_001..=20_150)?;
        udp::from_ports((NODE, 6000).into(), 20_001..=20_050)?;
        udp::from_ports((NODE6, 5353).into(), 20_001..=20_070)?;
        udp::from_ports((NODE, 6001).into(), 20_001..=20_050)?;
        icmp::echo(NODE4, 0..20)?;
        icmp::garbled(NODE4, 0..60)?;
        udp::from_ports((NODE, 443).into(), 20_001..=20_010)
    })?;
    world.node.run(|| {
        refused((CLIENT4, 123).into(), 40)?;
        refused(([127, 0, 0, 1], 9999).into(), 30)
    })?;
    let after = world.figures()?;
    let recording = recorder.stop()?;
    let all = REFUSED.iter().map(|&(.., packets)| packets).sum();
    equal("the kernel's drop", after.grown(&before, "drop")?, all)?;
    let of = format!("n.inode = {netns}");
    equal("refused", recording.sum("refused", &of)?, all)?;
    for (role, family, protocol, port, packets) in REFUSED {
        let of = format!(
            "{of} AND role = '{role}' AND family = '{family}' AND protocol = '{protocol}' AND port = {port}"
        );
        let what = format!("refused, {role} {family} {protocol}/{port}");
        equal(&what, recording.sum("refused", &of)?, packets)?;
    }
    let unknown = recording.number("SELECT sum(refused_unattributed) FROM sample")?;
    equal("refused at no port", unknown, 0)
}

/// Connections that nobody may evict, as many as there is room for.
fn fill(world: &World) -> Result<Vec<(TcpStream, TcpStream)>> {
    let web = SocketAddr::from((NODE, 443));
    let listener = tcp::listener(&world.node, web)?;
    (0..MAX)
        .map(|_| {
            let connect = || TcpStream::connect(web).context("cannot connect");
            let client = world.client.run(connect)?;
            Ok((client, listener.accept()?.0))
        })
        .collect()
}

/// Datagrams that must not get out.
fn refused(to: SocketAddr, packets: usize) -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    for _ in 0..packets {
        match socket.send_to(b"x", to) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            result => bail!("a datagram to {to} was not refused: {result:?}"),
        }
    }
    Ok(())
}
