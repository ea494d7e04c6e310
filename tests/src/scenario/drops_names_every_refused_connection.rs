//! A table full of assured connections refuses every newcomer: `drops` names each of them, once, with its packet, and
//! its totals are the kernel's. Of pings the identifier is told.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::lab::{
    check::{equal, holds},
    drops::Drops,
    pcapng,
    setting::Setting,
    traffic::{icmp, tcp, udp},
    world::{NODE, NODE4, World},
};

const MAX: u32 = 200;
const PINGS: std::ops::Range<u16> = 300..320;
const PORTS: std::ops::RangeInclusive<u16> = 20_001..=20_350;

pub(crate) fn run() -> Result<()> {
    let world = World::create("named")?;
    let netns = world.node.inode()?;
    let web = SocketAddr::from((NODE, 443));
    let listener = tcp::listener(&world.node, web)?;
    let _max = Setting::max(MAX)?;
    let before = world.figures()?;
    let drops = Drops::start(&["--netns", world.node.name()], true)?;
    let mut held = Vec::new();
    for _ in 0..MAX {
        let client = world
            .client
            .run(|| TcpStream::connect(web).context("cannot connect"))?;
        held.push((client, listener.accept()?));
    }
    // Tables are looked at once a second; zones are told from then on.
    sleep(Duration::from_secs(3));
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), PORTS))?;
    world.client.run(|| icmp::echo(NODE4, PINGS))?;
    let shown = drops.stop()?;
    let refused = world.figures()?.grown(&before, "drop")?;
    let all = i64::try_from(PORTS.len() + PINGS.len())?;
    equal("the kernel's drop", refused, all)?;
    shown.lost_nothing()?;
    equal("events", shown.figure("shown")?, refused)?;
    equal("counted", shown.counted("table_full"), refused)?;
    let (mut named, mut pings) = (BTreeSet::new(), BTreeSet::new());
    for event in shown.of("table_full") {
        let original = &event["original"];
        if event["protocol"] == "icmp" {
            pings.insert(original["id"].as_u64().context("no identifier")?);
            equal("type", &original["type"], &json!(8))?;
            equal("payload", &event["packet"]["payload"], &json!(0))?;
        } else {
            named.insert(original["sport"].as_u64().context("no source port")?);
            equal("port", &original["dport"], &json!(53))?;
            equal("protocol", &event["protocol"], &json!("udp"))?;
            equal("payload", &event["packet"]["payload"], &json!(1))?;
        }
        equal("to", &original["dst"], &json!("10.9.0.1"))?;
        equal("role", &event["role"], &json!("inbound"))?;
        equal("netns", &event["netns"], &json!(netns))?;
        equal("name", &event["netns_name"], &json!(world.node.name()))?;
        equal("zone", &event["zone"], &json!(0))?;
    }
    equal("identifiers", pings, PINGS.map(u64::from).collect())?;
    equal("source ports", named, PORTS.map(u64::from).collect())?;
    let packets = pcapng::read(&shown.packets())?;
    equal("packets", i64::try_from(packets.len())?, refused)?;
    for packet in packets {
        equal("interface", packet.interface.as_str(), world.node.name())?;
        let is_ping = packet.bytes.get(9) == Some(&1);
        if !is_ping {
            equal("port", packet.destination_port(), Some(53))?;
        }
        equal("length", packet.length, if is_ping { 28 } else { 29 })?;
        holds("it says why", packet.comment.starts_with("table_full; netns "))?;
    }
    Ok(())
}
