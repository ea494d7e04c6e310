//! Two namespaces with the same addresses and ports keep their counts apart; so does a new one that got the inode
//! number of one that went away. Before Linux 5.14 the kernel does not tell those two apart: the recording says so, and
//! counts them as one.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, bail};

use crate::lab::{
    check::equal,
    kernel,
    netns::Netns,
    recorder::Recorder,
    traffic::udp,
    uts::Uts,
    world::{NODE, World},
};

pub(crate) fn run() -> Result<()> {
    two_at_once()?;
    one_after_the_other()
}

fn two_at_once() -> Result<()> {
    let worlds = [(World::create("left")?, 120), (World::create("right")?, 250)];
    let mut before = Vec::new();
    for (world, _) in &worlds {
        before.push(world.figures()?);
    }
    let recorder = Recorder::start(&[])?;
    for (world, flows) in &worlds {
        send(world, *flows)?;
    }
    let recording = recorder.stop()?;
    for ((world, flows), before) in worlds.iter().zip(&before) {
        let netns = world.node.inode()?;
        let of = format!("n.inode = {netns} AND port = 53");
        equal("inserted", recording.sum("inserted", &of)?, i64::from(*flows))?;
        recording.agrees(netns, before, &world.figures()?)?;
    }
    Ok(())
}

/// Cookies are never reused, inode numbers are.
fn one_after_the_other() -> Result<()> {
    let first = World::create("first")?;
    let inode = first.node.inode()?;
    let recorder = Recorder::start(&[])?;
    send(&first, 30)?;
    drop(first);
    let second = reuse(inode)?;
    send(&second, 40)?;
    let recording = recorder.stop()?;
    if !kernel::at_least(5, 14)? {
        let said = "SELECT count(*) FROM degraded WHERE reason LIKE '%does not tell namespace cookies%'";
        equal("degradations that tell of it", recording.number(said)?, 1)?;
        let of = format!("port = 53 AND n.inode = {inode}");
        return equal("inserted in both", recording.sum("inserted", &of)?, 70);
    }
    let cookies = format!(
        "SELECT count(DISTINCT cookie) FROM netns n JOIN endpoint e ON e.netns_id = n.id \
         WHERE inode = {inode}"
    );
    equal("cookies of one inode", recording.number(&cookies)?, 2)?;
    for (order, flows) in [("ASC", 30), ("DESC", 40)] {
        let of = format!(
            "port = 53 AND n.cookie = \
             (SELECT cookie FROM netns c JOIN endpoint o ON o.netns_id = c.id \
              WHERE inode = {inode} ORDER BY c.id {order} LIMIT 1)"
        );
        equal("inserted", recording.sum("inserted", &of)?, flows)?;
    }
    Ok(())
}

/// A world whose node has this inode number. The kernel gives out the lowest that is free, to entries of the new
/// namespace's /proc/net before it (one or two) and after it (dozens). So all lower ones are held but as many, and each
/// such number is tried in turn, once the kernel's clean-up has freed the one that is wanted.
fn reuse(inode: u64) -> Result<World> {
    for n in 0..80 {
        let mut lower = Vec::new();
        let is_free = loop {
            let next = Uts::create()?;
            match next.inode()? {
                own if own < inode => lower.push(next),
                own => break own == inode,
            }
        };
        lower.truncate(lower.len().saturating_sub(n % 4));
        if is_free {
            let node = Netns::create(&format!("second-{n}"))?;
            if node.inode()? == inode {
                return World::around(node, "second");
            }
        }
        sleep(Duration::from_millis(250));
    }
    bail!("inode {inode} was not given out again")
}

fn send(world: &World, flows: u16) -> Result<()> {
    world
        .client
        .run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_000 + flows))
}
