//! What the recorder itself takes while all UDP ports of the node are in use.

use std::{fs, thread, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{clock::of_family, ctwatch::Recorder, frames::Sender, memory::kib, node, table};

const RESULT: &str = "/out/recorder.json";
/// How long the recorder is watched: a dump fits in, which is repeated after some ten minutes.
const SECONDS: usize = 1200;
/// Flows that begin in a second, each at another endpoint; as many end.
const FLOWS: u16 = 150;
const FIRST_SOURCE: u16 = 10_000;

/// What the recorder took.
#[derive(Debug, Serialize)]
struct Took {
    endpoints: u16,
    flows_a_second: u16,
    entries: u64,
    /// CPU time of the recorder in each second, in nanoseconds.
    seconds: Vec<u64>,
    /// The ten seconds in which all endpoints appeared.
    sweep_ns: u64,
    /// Most memory until the sweep was recorded.
    hwm_after_sweep_kib: u64,
    hwm_kib: u64,
    rss_kib: u64,
    anonymous_kib: u64,
    pss_kib: u64,
}

pub(crate) fn run() -> Result<()> {
    node::make()?;
    node::track()?;
    let mut sender = Sender::open()?;
    let recorder = Recorder::start(&["-i", "1s"], "/tmp/bench.db")?;
    let before = of_family(recorder.pid())?;
    sweep(&mut sender)?;
    // The sweep's entries stay, those made from now on go.
    node::shell("sysctl -qw net.netfilter.nf_conntrack_udp_timeout=30")?;
    thread::sleep(Duration::from_secs(10));
    let mut last = of_family(recorder.pid())?;
    let sweep_ns = last - before;
    let hwm_after_sweep_kib = kib(recorder.pid(), "status", "VmHWM:")?;
    let mut seconds = Vec::with_capacity(SECONDS);
    for second in 0..SECONDS {
        change(&mut sender, second)?;
        thread::sleep(Duration::from_secs(1));
        let now = of_family(recorder.pid())?;
        seconds.push(now - last);
        last = now;
    }
    let took = Took {
        endpoints: u16::MAX,
        flows_a_second: FLOWS,
        entries: table::count()?,
        seconds,
        sweep_ns,
        hwm_after_sweep_kib,
        hwm_kib: kib(recorder.pid(), "status", "VmHWM:")?,
        rss_kib: kib(recorder.pid(), "status", "VmRSS:")?,
        anonymous_kib: kib(recorder.pid(), "status", "RssAnon:")?,
        pss_kib: kib(recorder.pid(), "smaps_rollup", "Pss:")?,
    };
    recorder.end()?;
    fs::write(RESULT, serde_json::to_vec(&took)?).with_context(|| format!("cannot write {RESULT}"))
}

/// One flow to each port.
fn sweep(sender: &mut Sender) -> Result<()> {
    (1..=u16::MAX).try_for_each(|port| sender.send(FIRST_SOURCE, port))
}

/// New flows to other ports than in the second before.
fn change(sender: &mut Sender, second: usize) -> Result<()> {
    let source = FIRST_SOURCE + 1 + second as u16;
    let first = (second * usize::from(FLOWS)) as u16;
    (0..FLOWS).try_for_each(|n| sender.send(source, first.wrapping_add(n).max(1)))
}
