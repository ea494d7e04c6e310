//! A table full of assured connections refuses every newcomer: each is counted under the port it wanted. Entries
//! that userspace is refused are told apart, as the kernel's `drop` leaves them out too.

use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result};

use crate::lab::{
    check::{equal, holds},
    recorder::Recorder,
    setting::Setting,
    traffic::{tcp, udp},
    world::{NODE, World},
};

const MAX: u32 = 200;
const REFUSED: i64 = 350;
const BY_TOOLS: i64 = 3;

pub(crate) fn run() -> Result<()> {
    let world = World::create("assured")?;
    let netns = world.node.inode()?;
    let web = SocketAddr::from((NODE, 443));
    let listener = tcp::listener(&world.node, web)?;
    let _max = Setting::max(MAX)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let mut held = Vec::new();
    for _ in 0..MAX {
        let client = world
            .client
            .run(|| TcpStream::connect(web).context("cannot connect"))?;
        held.push((client, listener.accept()?));
    }
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_350))?;
    for port in 0..BY_TOOLS {
        holds("conntrack -I is refused", insert(&world, 7000 + port).is_err())?;
    }
    let recording = recorder.stop()?;
    let after = world.figures()?;
    equal("the kernel's drop", after.grown(&before, "drop")?, REFUSED)?;
    recording.agrees(netns, &before, &after)?;
    let of = format!("n.inode = {netns} AND role = 'inbound'");
    let (dns, web) = (format!("{of} AND port = 53"), format!("{of} AND port = 443"));
    equal("refused at 53", recording.sum("refused", &dns)?, REFUSED)?;
    equal("inserted at 53", recording.sum("inserted", &dns)?, 0)?;
    equal("inserted at 443", recording.sum("inserted", &web)?, i64::from(MAX))?;
    equal("refused at 443", recording.sum("refused", &web)?, 0)?;
    let tools = recording.number("SELECT sum(refused_ctnetlink) FROM sample")?;
    equal("refused to conntrack -I", tools, BY_TOOLS)
}

fn insert(world: &World, source_port: i64) -> Result<String> {
    let source_port = source_port.to_string();
    let arguments = [
        "-I", "-p", "udp", "-s", "10.9.0.2", "-d", "10.9.0.1", "--sport", &source_port, "--dport",
        "5353", "-t", "60",
    ];
    world.conntrack(&arguments)
}
