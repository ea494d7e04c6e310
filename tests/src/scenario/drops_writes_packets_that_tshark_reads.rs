//! All flows leave by one port: NAT has none left for the second. Each refused packet is written with its reason and
//! whoever has the port; tshark reads it where there is one, a few lines of this laboratory's own read it always.

use std::process::Command;

use anyhow::Result;
use serde_json::json;

use crate::lab::{
    check::{equal, holds},
    command,
    drops::Drops,
    pcapng,
    traffic::udp,
    world::{SERVER, World},
};

const ONE_PORT: &str = "table ip narrow {
    chain after { type nat hook postrouting priority 100; udp dport 123 snat to 10.8.0.1:4000; }
}";

const REFUSED: u16 = 40;

pub(crate) fn run() -> Result<()> {
    let world = World::create("written")?;
    let _server = world.add_server()?;
    world.load_rules(ONE_PORT)?;
    let before = world.figures()?;
    let drops = Drops::start(&[], true)?;
    world
        .client
        .run(|| udp::from_ports((SERVER, 123).into(), 20_001..=20_001 + REFUSED))?;
    let shown = drops.stop()?;
    let failed = world.figures()?.grown(&before, "insert_failed")?;
    equal("the kernel's insert_failed", failed, REFUSED.into())?;
    shown.lost_nothing()?;
    equal("counted", shown.counted("nat_exhausted"), failed)?;
    let refused = shown.of("nat_exhausted");
    equal("events", i64::try_from(refused.len())?, failed)?;
    for event in refused {
        equal("role", &event["role"], &json!("forwarded"))?;
        let holder = &event["collided_with"]["original"]["sport"];
        equal("who has the port", holder, &json!(20_001))?;
    }
    let packets = pcapng::read(&shown.packets())?;
    equal("packets", i64::try_from(packets.len())?, failed)?;
    for (packet, port) in packets.iter().zip(20_002..) {
        equal("interface", packet.interface.as_str(), world.node.name())?;
        equal("port", packet.destination_port(), Some(123))?;
        let words = [
            "nat_exhausted; ".to_owned(),
            format!("netns {} ({})", world.node.name(), world.node.inode()?),
            "; forwarded; ".to_owned(),
            format!("10.9.0.2:{port} > 10.8.0.2:123"),
            "taken by udp 10.9.0.2:20001 > 10.8.0.2:123".to_owned(),
        ];
        for word in words {
            let says = packet.comment.contains(&word);
            holds(&format!("{} says {word}", packet.comment), says)?;
        }
    }
    if Command::new("tshark").arg("--version").output().is_err() {
        return Ok(());
    }
    let file = shown.packets();
    let file = file.to_string_lossy();
    let fields = ["-T", "fields", "-e", "udp.dstport", "-e", "frame.comment"];
    let arguments = [&["-n", "-r", &file], &fields[..]].concat();
    let read = command::run("tshark", &arguments)?;
    let told = read.lines().filter(|line| line.starts_with("123\tnat_exhausted"));
    equal("packets that tshark reads", i64::try_from(told.count())?, failed)
}
