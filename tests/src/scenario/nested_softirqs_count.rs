//! On one processor a program sends over loopback while a flood comes in from outside: packets are tracked inside the
//! handling of others. Both are counted, or are off by as much as the recording says.

use std::{fs, thread};

use anyhow::{Context, Result, anyhow};

use crate::lab::{
    check::{equal, holds},
    command, limit,
    netns::Netns,
    processor,
    recorder::Recorder,
    setting::Setting,
    traffic::raw::Sender,
    world::{CLIENT4, NODE4, World},
};

const FLOWS: u16 = 20_000;

pub(crate) fn run() -> Result<()> {
    let _room = limit::room_for(3 * u64::from(FLOWS))?;
    // Everything that is sent is to be tracked, however long it waits for the processor.
    let _backlog = Setting::set("/proc/sys/net/core/netdev_max_backlog", 2 * FLOWS)?;
    let world = World::create("nested")?;
    world.node.set("netfilter.nf_conntrack_udp_timeout", 600)?;
    steer(&world.node)?;
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let softirqs = interrupting()?;
    let recorder = Recorder::start(&[])?;
    thread::scope(|scope| {
        let local = scope.spawn(|| {
            world.node.run(|| {
                processor::stay_on(0)?;
                let sender = Sender::open(NODE4)?;
                (1..=FLOWS).try_for_each(|source| sender.send(source, NODE4, 1000))
            })
        });
        let flood = world.client.run(|| {
            processor::stay_on(1)?;
            let sender = Sender::open(CLIENT4)?;
            (1..=FLOWS).try_for_each(|source| sender.send(source, NODE4, 2000))
        });
        let local = local.join().map_err(|_| anyhow!("a thread panicked"))?;
        local.and(flood)
    })?;
    let recording = recorder.stop()?;
    let after = world.figures()?;
    holds("the flood interrupts the first processor", interrupting()? > softirqs)?;
    // A packet that waits for its processor may be dropped before it is tracked; how many are is the machine's affair.
    let tracked = after.count - before.count;
    holds("nearly all is tracked", tracked > 2 * i64::from(FLOWS) * 9 / 10)?;
    recording.agrees_or_tells(netns, &before, &after)?;
    let inserted = recording.sum("inserted", &format!("n.inode = {netns}"))?;
    let ports = format!("n.inode = {netns} AND port IN (1000, 2000)");
    equal("inserted under the two ports", recording.sum("inserted", &ports)?, inserted)
}

/// What comes in at eth0 is handled on processor 0, wherever it was sent (receive packet steering).
fn steer(netns: &Netns) -> Result<()> {
    // `ip netns exec` mounts a /sys that shows the namespace's interfaces.
    let script = "echo 1 >/sys/class/net/eth0/queues/rx-0/rps_cpus";
    command::run("ip", &["netns", "exec", netns.name(), "sh", "-c", script]).map(drop)
}

/// Packets that processor 0 was interrupted for: the column `received_rps` of /proc/net/softnet_stat.
fn interrupting() -> Result<u64> {
    let path = "/proc/net/softnet_stat";
    let text = fs::read_to_string(path).context(path)?;
    let column = text.lines().next().and_then(|line| line.split_whitespace().nth(9));
    let column = column.with_context(|| format!("{path} has no column received_rps"))?;
    Ok(u64::from_str_radix(column, 16)?)
}
