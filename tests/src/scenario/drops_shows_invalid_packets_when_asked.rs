//! Packets that tracking calls invalid are shown when that is asked for, each with what it was, and not otherwise.

use anyhow::Result;
use serde_json::json;

use crate::lab::{
    check::{equal, holds},
    drops::Drops,
    pcapng,
    traffic::{icmp, udp},
    world::{NODE, NODE4, World},
};

const GARBLED: std::ops::Range<u16> = 500..560;

pub(crate) fn run() -> Result<()> {
    let world = World::create("invalid")?;
    let traffic = || {
        world.client.run(|| {
            udp::from_ports((NODE, 53).into(), 20_001..=20_010)?;
            icmp::garbled(NODE4, GARBLED)
        })
    };
    let drops = Drops::start(&[], false)?;
    traffic()?;
    equal("events that nobody asked for", drops.stop()?.events.len(), 0)?;

    let drops = Drops::start(&["--invalid", "--netns", world.node.name()], true)?;
    traffic()?;
    let shown = drops.stop()?;
    shown.lost_nothing()?;
    equal("events", shown.events.len(), GARBLED.len())?;
    for (event, identifier) in shown.of("invalid").into_iter().zip(GARBLED) {
        equal("protocol", &event["protocol"], &json!("icmp"))?;
        equal("from", &event["original"]["src"], &json!("10.9.0.2"))?;
        equal("identifier", &event["original"]["id"], &json!(identifier))?;
        equal("role", &event["role"], &json!("inbound"))?;
        equal("netns", &event["netns"], &json!(world.node.inode()?))?;
    }
    let packets = pcapng::read(&shown.packets())?;
    equal("packets", packets.len(), GARBLED.len())?;
    let says = |packet: &pcapng::Packet| packet.comment.starts_with("invalid; netns ");
    holds("each says why it is there", packets.iter().all(says))
}
