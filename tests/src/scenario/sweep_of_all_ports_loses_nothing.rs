//! One datagram to each of the 65,535 ports of a node: every port is an endpoint of its own and counts exactly, in
//! bounded memory.

use anyhow::{Context, Result};

use crate::lab::{
    check::{equal, holds},
    recorder::Recorder,
    setting::Setting,
    traffic::udp,
    world::{NODE, NODE4, World},
};

const PORTS: i64 = 65_535;

pub(crate) fn run() -> Result<()> {
    let world = World::create("sweep")?;
    let netns = world.node.inode()?;
    let _buckets = Setting::buckets(65_536)?;
    let _max = Setting::max(200_000)?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["-v", "-i", "1s"])?;
    world
        .client
        .run(|| udp::to_ports(NODE, 20_001, 1..=u16::MAX))?;
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;
    // Three of the ports are those of VXLAN and Geneve, whose role is another.
    let of = format!(
        "n.inode = {netns} AND role IN ('inbound', 'encapsulation') AND address = '{NODE4}'"
    );
    equal("inserted", recording.sum("inserted", &of)?, PORTS)?;
    let ports = format!(
        "SELECT count(*) FROM (SELECT e.port FROM delta d JOIN endpoint e ON e.id = d.endpoint_id \
         JOIN netns n ON n.id = e.netns_id WHERE {of} GROUP BY e.port HAVING sum(inserted) = 1)"
    );
    equal("ports with one entry", recording.number(&ports)?, PORTS)?;
    let processors = std::thread::available_parallelism()?.get() as f64;
    let megabytes = map_megabytes(&recording.said).context("-v does not tell the maps' size")?;
    holds(
        "all maps take at most 32 MiB and 8 MiB a processor",
        megabytes <= 32.0 + 8.0 * processors,
    )
}

/// N of `maps take N MiB`.
fn map_megabytes(said: &str) -> Option<f64> {
    let (_, rest) = said.split_once("maps take ")?;
    rest.split_once(" MiB")?.0.parse().ok()
}
