//! 5,000 short connections over four ports: each port's own are counted to the last one, when they come, by
//! their state in the last dump, and when they go.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use anyhow::Result;

use crate::lab::{
    check::equal,
    recorder::Recorder,
    recording::{ENDED, Recording},
    traffic::tcp::{self, Server},
    world::{NODE, NODE4, World},
};

const PORTS: [(u16, usize); 4] = [(80, 2000), (443, 1500), (8080, 1000), (9000, 500)];

pub(crate) fn run() -> Result<()> {
    let world = World::create("tcp")?;
    stretch_timeouts(&world)?;
    let netns = world.node.inode()?;
    let empty = world.figures()?;
    let recorder = Recorder::start(&[])?;
    connect(&world)?;
    // The last acknowledgements may still be on their way to the node's table.
    sleep(Duration::from_millis(300));
    let come = recorder.stop()?;
    let full = world.figures()?;
    equal(
        "entries by conntrack -C",
        world.conntrack(&["-C"])?.trim(),
        "5000",
    )?;
    come.agrees(netns, &empty, &full)?;
    let states = states(&world.conntrack(&["-L", "-p", "tcp"])?);

    let recorder = Recorder::start(&[])?;
    world.conntrack(&["-F"])?;
    let gone = recorder.stop()?;
    gone.agrees(netns, &full, &world.figures()?)?;
    PORTS.iter().try_for_each(|&(port, connections)| {
        let of = format!(
            "n.inode = {netns} AND protocol = 'tcp' AND family = 'ipv4' AND role = 'inbound' \
             AND address = '{NODE4}' AND port = {port}"
        );
        let found = Port {
            port,
            of,
            come: &come,
            gone: &gone,
        };
        found.check(i64::try_from(connections)?, &states)
    })
}

/// What the recordings have of a port.
struct Port<'a> {
    port: u16,
    of: String,
    come: &'a Recording,
    gone: &'a Recording,
}

impl Port<'_> {
    fn check(&self, connections: i64, states: &States) -> Result<()> {
        let Self { port, come, gone, .. } = self;
        let of = &self.of;
        let what = |what: &str| format!("port {port}: {what}");
        equal(&what("inserted"), come.sum("inserted", of)?, connections)?;
        equal(&what("ended before time"), come.sum(ENDED, of)?, 0)?;
        equal(&what("deleted"), gone.sum("deleted", of)?, connections)?;
        equal(&what("assured at the end"), gone.sum("assured", of)?, connections)?;
        for ((_, state), entries) in states.range((*port, String::new())..(port + 1, String::new())) {
            equal(&what(state), come.in_state(state, of)?, *entries)?;
            let last = format!("last_{}", state.to_lowercase());
            equal(&what(&last), gone.sum(&last, of)?, *entries)?;
        }
        Ok(())
    }
}

/// Entries by port and state.
type States = BTreeMap<(u16, String), i64>;

/// Reads lines `tcp 6 119 TIME_WAIT src=… dst=… sport=… dport=443 …`.
fn states(listing: &str) -> States {
    let mut states = States::new();
    for line in listing.lines() {
        let port = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("dport=")?.parse().ok());
        if let (Some(port), Some(state)) = (port, line.split_whitespace().nth(3)) {
            *states.entry((port, state.to_owned())).or_default() += 1;
        }
    }
    states
}

/// Emulation may take minutes, and a packet that was sent twice may bring a connection to CLOSE: no entry is to
/// expire meanwhile, and no port of the client to be used again.
fn stretch_timeouts(world: &World) -> Result<()> {
    for state in ["close", "last_ack", "time_wait"] {
        let name = format!("netfilter.nf_conntrack_tcp_timeout_{state}");
        world.node.set(&name, 600)?;
    }
    world.client.set("ipv4.tcp_max_tw_buckets", 10_000)
}

fn connect(world: &World) -> Result<()> {
    let servers: Vec<Server> = PORTS
        .iter()
        .map(|&(port, connections)| Server::listen(&world.node, (NODE, port).into(), connections))
        .collect::<Result<_>>()?;
    world.client.run(|| {
        PORTS
            .iter()
            .try_for_each(|&(port, connections)| tcp::short((NODE, port), connections))
    })?;
    servers.into_iter().try_for_each(Server::served)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_counted_by_port_and_state() {
        let listing = "tcp      6 119 TIME_WAIT src=10.9.0.2 dst=10.9.0.1 sport=4 dport=80 src=10.9.0.1 dport=4\n\
                       tcp      6 117 TIME_WAIT src=10.9.0.2 dst=10.9.0.1 sport=5 dport=80 src=10.9.0.1 dport=5\n";
        let states = states(listing);
        assert_eq!(states.get(&(80, "TIME_WAIT".to_owned())), Some(&2));
        assert_eq!(states.len(), 1);
    }
}
