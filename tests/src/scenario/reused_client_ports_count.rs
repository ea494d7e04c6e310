//! A client that uses a port again too soon meets the entry of its last connection. Where that has ended (TIME_WAIT,
//! CLOSE) it is reopened; where it has not (FIN_WAIT, CLOSE_WAIT, LAST_ACK) the SYN is ignored. Each is counted under the
//! port of the service; a port used for the first time is not.

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::lab::{
    check::{equal, holds},
    command, processor,
    recorder::Recorder,
    traffic::segments::{ACK, End, FIN, RST, SYN},
    world::{CLIENT4, World},
};

const SERVER4: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 2);
const REUSED: i64 = 12;

/// Both ends are played by the scenario: their kernels say nothing.
const MUTE: &str = "table inet mute {
    chain in { type filter hook prerouting priority -400; meta l4proto tcp drop; }
}";

/// Who sends a segment.
enum By {
    Client,
    Server,
}

/// Sender, flags, sequence and acknowledgement number.
type Segment = (By, u8, u32, u32);

const OPEN: [Segment; 3] = [
    (By::Client, SYN, 1000, 0),
    (By::Server, SYN | ACK, 5000, 1001),
    (By::Client, ACK, 1001, 5001),
];
const RESET: Segment = (By::Client, RST | ACK, 1001, 5001);
const CLOSE: [Segment; 4] = [
    (By::Client, FIN | ACK, 1001, 5001),
    (By::Server, ACK, 5001, 1002),
    (By::Server, FIN | ACK, 5001, 1002),
    (By::Client, ACK, 1002, 5002),
];
const AGAIN: Segment = (By::Client, SYN, 900_000, 0);

/// A way to use a port again.
struct Case {
    port: u16,
    state: &'static str,
    /// After the connection was opened.
    then: &'static [Segment],
    again: bool,
    reopened: i64,
    ignored: i64,
}

const CASES: [Case; 6] = [
    case(8001, "TIME_WAIT", &CLOSE, (REUSED, 0)),
    case(8002, "CLOSE", &[RESET], (REUSED, 0)),
    case(8003, "FIN_WAIT", CLOSE.split_at(1).0, (0, REUSED)),
    case(8004, "CLOSE_WAIT", CLOSE.split_at(2).0, (0, REUSED)),
    case(8005, "LAST_ACK", CLOSE.split_at(3).0, (0, REUSED)),
    Case {
        again: false,
        ..case(8006, "TIME_WAIT", &CLOSE, (0, 0))
    },
];

const fn case(port: u16, state: &'static str, then: &'static [Segment], found: (i64, i64)) -> Case {
    Case {
        port,
        state,
        then,
        again: true,
        reopened: found.0,
        ignored: found.1,
    }
}

pub(crate) fn run() -> Result<()> {
    let world = World::create("reuse")?;
    let server = world.add_server()?;
    world.node.set("netfilter.nf_conntrack_checksum", 0)?;
    for netns in [&world.client, &server] {
        netns.run(|| command::feed("nft", &["-f", "-"], MUTE))?;
    }
    let netns = world.node.inode()?;
    let before = world.figures()?;
    let recorder = Recorder::start(&[])?;
    let ends = (
        world.client.run(|| End::open(CLIENT4, SERVER4))?,
        server.run(|| End::open(SERVER4, CLIENT4))?,
    );
    world.node.run(|| {
        // One segment after the other: none overtakes another on one processor.
        processor::stay_on(0)?;
        CASES.iter().try_for_each(|case| case.play(&ends))
    })?;
    let recording = recorder.stop()?;
    recording.agrees(netns, &before, &world.figures()?)?;
    for case in &CASES {
        let of = format!("n.inode = {netns} AND port = {} AND role = 'forwarded'", case.port);
        let what = |what: &str| format!("{} at {}: {what}", case.state, case.port);
        equal(&what("inserted"), recording.sum("inserted", &of)?, REUSED + case.reopened)?;
        equal(&what("reset"), recording.sum("reset", &of)?, case.reopened)?;
        equal(&what("reopened"), recording.sum("reopened", &of)?, case.reopened)?;
        equal(&what("SYNs ignored"), recording.sum("syn_ignored", &of)?, case.ignored)?;
    }
    Ok(())
}

impl Case {
    fn play(&self, ends: &(End, End)) -> Result<()> {
        for source in (20_000..).take(REUSED as usize) {
            play(ends, (source, self.port), &OPEN)?;
            play(ends, (source, self.port), self.then)?;
            self.is_reached()?;
            if self.again {
                play(ends, (source, self.port), &[AGAIN])?;
            }
        }
        Ok(())
    }

    /// The connection that came last, which is listed first or is the only one in this state.
    fn is_reached(&self) -> Result<()> {
        let (port, state) = (self.port.to_string(), self.state);
        let list = ["-L", "-p", "tcp", "--state", state, "--orig-port-dst", &port];
        let listing = command::run("conntrack", &list)?;
        holds(&format!("a connection to {port} is in {state}"), !listing.trim().is_empty())
    }
}

fn play((client, server): &(End, End), (source, port): (u16, u16), segments: &[Segment]) -> Result<()> {
    segments.iter().try_for_each(|&(ref by, flags, sequence, acknowledged)| match by {
        By::Client => client.send((source, port), flags, (sequence, acknowledged)),
        By::Server => server.send((port, source), flags, (sequence, acknowledged)),
    })
}
