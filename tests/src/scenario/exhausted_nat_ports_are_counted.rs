//! Four ports for all that leave: the fifth flow to the same destination finds none. The kernel drops it as an insert
//! that failed, and it is counted under the port that it was for; another destination has its own four.

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    traffic::udp,
    world::{SERVER, World},
};

const FOUR_PORTS: &str = "table ip few {
    chain after { type nat hook postrouting priority 100; oifname eth1 meta l4proto udp snat to 10.8.0.1:1024-1027; }
}";

/// Flows to each port of the server.
const WANTED: [(u16, u16); 2] = [(123, 60), (514, 25)];
const GRANTED: i64 = 4;

pub(crate) fn run() -> Result<()> {
    let world = World::create("few")?;
    let _server = world.add_server()?;
    world.load_rules(FOUR_PORTS)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    for (port, flows) in WANTED {
        world
            .client
            .run(|| udp::from_ports((SERVER, port).into(), 20_001..=20_000 + flows))?;
    }
    let recording = recorder.stop()?;
    let after = world.figures()?;
    let all = WANTED.iter().map(|&(_, flows)| i64::from(flows) - GRANTED).sum();
    equal("the kernel's insert_failed", after.grown(&before, "insert_failed")?, all)?;
    equal("the kernel's drop", after.grown(&before, "drop")?, all)?;
    recording.agrees(netns, &before, &after)?;
    for (port, flows) in WANTED {
        let of = format!("n.inode = {netns} AND port = {port} AND role = 'forwarded'");
        let what = |what: &str| format!("port {port}: {what}");
        let failed = i64::from(flows) - GRANTED;
        equal(&what("insert_failed"), recording.sum("insert_failed", &of)?, failed)?;
        equal(&what("nat_exhausted"), recording.sum("nat_exhausted", &of)?, failed)?;
        equal(&what("inserted"), recording.sum("inserted", &of)?, GRANTED)?;
        equal(&what("snat"), recording.sum("snat", &of)?, GRANTED)?;
    }
    Ok(())
}
