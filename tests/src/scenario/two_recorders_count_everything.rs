//! Two recordings at once, of which neither knows of the other: each counts everything, to the last one.

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    recorder::Recorder,
    recording::ENDED,
    setting::Setting,
    traffic::{
        tcp::{self, Server},
        udp,
    },
    world::{NODE, World},
};

const FLOWS: i64 = 2_000;
const CONNECTIONS: usize = 60;

pub(crate) fn run() -> Result<()> {
    let world = World::create("twice")?;
    let netns = world.node.inode()?;
    let _buckets = Setting::buckets(4096)?;
    let max = Setting::max(500)?;
    let before = world.figures()?;
    let recorders = [Recorder::start(&[])?, Recorder::start(&["-i", "50ms"])?];
    let server = Server::listen(&world.node, (NODE, 80).into(), CONNECTIONS)?;
    world.client.run(|| {
        udp::from_ports((NODE, 53).into(), 20_001..=20_200)?;
        tcp::short((NODE, 80), CONNECTIONS)
    })?;
    server.served()?;
    world.conntrack(&["-D", "-p", "udp", "--orig-port-dst", "53"])?;
    world
        .client
        .run(|| udp::from_ports((NODE, 514).into(), 30_001..=32_000))?;
    // Above 95 % of its limit the garbage collector goes on evicting, also between the recorders' last figures and ours.
    drop(max);
    let recordings = recorders.map(Recorder::stop);
    let after = world.figures()?;
    let drop = after.grown(&before, "drop")?;
    holds("some were refused", drop > 0)?;
    let [first, second] = recordings;
    let (first, second) = (first?, second?);
    for (name, recording) in [("first", &first), ("second", &second)] {
        recording.agrees(netns, &before, &after)?;
        let of = |port: u16| format!("n.inode = {netns} AND port = {port} AND role = 'inbound'");
        let what = |what: &str| format!("the {name}: {what}");
        equal(&what("deleted at 53"), recording.sum("deleted", &of(53))?, 200)?;
        equal(&what("inserted at 80"), recording.sum("inserted", &of(80))?, CONNECTIONS as i64)?;
        let came = recording.sum("inserted + refused", &of(514))?;
        equal(&what("inserted and refused at 514"), came, FLOWS)?;
    }
    for column in ["inserted", ENDED, "evicted", "refused"] {
        let of = |recording: &crate::lab::recording::Recording| recording.by_port(column, netns);
        equal(column, of(&first)?, of(&second)?)?;
    }
    Ok(())
}
