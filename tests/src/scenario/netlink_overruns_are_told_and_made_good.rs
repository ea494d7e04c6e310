//! A recorder that is stopped while entries come and go misses events: it says how many, finds by a dump what they
//! changed, and what happens from then on is counted right again.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use crate::lab::{
    check::{equal, holds},
    limit,
    recorder::Recorder,
    recording::ENDED,
    socket_drops,
    traffic::udp,
    world::{NODE, World},
};

/// Flows between two looks at whether the socket has overrun; each makes two events.
const ROUND: u16 = 30_000;
/// More than enough to fill the largest buffer that is asked for.
const ROUNDS: usize = 20;
const FIRST_SOURCE: u16 = 20_001;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<()> {
    let _room = limit::room_for(40_000)?;
    let world = World::create("overrun")?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&["--source", "netlink"])?;
    send(&world, 1000, 500)?;
    // What came before the loss is counted at least by the sample after this.
    sleep(Duration::from_secs(1));
    recorder.send(Signal::SIGSTOP)?;
    overrun(&world)?;
    // Nobody hears of these.
    send(&world, 2001, 5_000)?;
    let dropped = world.node.run(socket_drops::read)?;
    recorder.send(Signal::SIGCONT)?;
    wait_for_resync(&recorder)?;
    send(&world, 3000, 700)?;
    world.conntrack(&["-D", "-p", "udp", "--orig-port-dst", "2001"])?;
    let recording = recorder.stop()?;

    recording.balances(netns, &before, &world.figures()?)?;
    let lost = recording.lost("events_lost")?;
    equal("events lost, against the socket's drops", lost, dropped)?;
    let nothing = recording.said.contains("lost: 0 netlink events");
    holds("the loss is said", !nothing && recording.said.contains("netlink events, "))?;
    let of = |port: u16| format!("n.inode = {netns} AND role = 'inbound' AND port = {port}");
    for (port, inserted, ended) in [(1000, 500, 500), (2001, 5_000, 5_000), (3000, 700, 0)] {
        let what = |what: &str| format!("port {port}: {what}");
        equal(&what("inserted"), recording.sum("inserted", &of(port))?, inserted)?;
        equal(&what("ended"), recording.sum(ENDED, &of(port))?, ended)?;
    }
    let resynced = recording.lost("resynced_inserted")?;
    holds("what was missed is told apart", resynced >= 5_000)
}

/// Sends and flushes until the stopped recorder's socket is full. The flush ends the entries of the other ports, too.
fn overrun(world: &World) -> Result<()> {
    for _ in 0..ROUNDS {
        send(world, 2000, ROUND)?;
        world.conntrack(&["-F"])?;
        if world.node.run(socket_drops::read)? > 0 {
            return Ok(());
        }
    }
    bail!("{ROUNDS} times {ROUND} flows do not overrun a socket")
}

fn wait_for_resync(recorder: &Recorder) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if recorder.recording()?.lost("resynced_inserted")? > 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(200));
    }
    bail!("nothing was made good within {PATIENCE:?}")
}

fn send(world: &World, port: u16, flows: u16) -> Result<()> {
    let sources = FIRST_SOURCE..=FIRST_SOURCE + flows - 1;
    world
        .client
        .run(|| udp::from_ports((NODE, port).into(), sources))
}
