//! A user who is not root records with the capabilities that are documented and no others, whether the program or the
//! user's session has them. The counts are exact, and while it records only the keeper holds any. Before Linux 5.11 the
//! user also needs room for BPF memory, and is told so.

use std::fs;

use anyhow::Result;
use tempfile::TempDir;

use crate::lab::{
    check::{equal, holds},
    command, kernel,
    privileges::{self, Privileges},
    recorder::Recorder,
    recording::Recording,
    refusal,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const USER: [&str; 4] = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
/// Where the kernel counts BPF memory, all of it is allowed.
const ROOM: [&str; 2] = ["prlimit", "--memlock=unlimited:unlimited"];
const PARANOIA: &str = "/proc/sys/kernel/perf_event_paranoid";

/// Capabilities by name, with the mask of those that the keeper keeps.
struct Held {
    names: &'static [&'static str],
    kept: u64,
    /// Whether other network namespaces can be entered.
    enters: bool,
}

/// `CAP_NET_ADMIN`, `CAP_PERFMON` and `CAP_BPF`, and no other.
const LEAST: Held = Held {
    names: &["bpf", "perfmon", "net_admin"],
    kept: 1 << 12 | 1 << 38 | 1 << 39,
    enters: false,
};
/// Also `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN` and `CAP_SYSLOG`, and one that is needed at the start only.
const ALL: Held = Held {
    names: &["bpf", "perfmon", "net_admin", "net_raw", "syslog", "sys_admin", "sys_ptrace"],
    kept: LEAST.kept | 1 << 19 | 1 << 21 | 1 << 34,
    enters: true,
};
const NETLINK: Held = Held {
    names: &["net_admin", "sys_admin", "sys_ptrace"],
    kept: 1 << 12 | 1 << 19 | 1 << 21,
    enters: true,
};

pub(crate) fn run() -> Result<()> {
    let world = World::create("user")?;
    let place = Place::new()?;
    {
        // Where it is 3, as on Debian, hooks want CAP_SYS_ADMIN.
        let _paranoid = Setting::set(PARANOIA, 3)?;
        if fs::read_to_string("/proc/version")?.contains("Debian") {
            let start = place.by_file(&LEAST)?;
            let record = ["record", "--source", "kprobe", "-d", "1s", "-f", "/tmp/never.db"];
            let start: Vec<&str> = start.iter().map(String::as_str).chain(record).collect();
            refusal::expect(&start, &["kernel.perf_event_paranoid is 3", "CAP_SYS_ADMIN"])?;
        }
        records(&world, &place, &ALL, "kprobe")?;
    }
    let _paranoid = Setting::set(PARANOIA, 2)?;
    if !kernel::at_least(5, 11)? {
        place.by_file(&LEAST)?;
        let record = ["record", "--source", "kprobe", "-d", "1s", "-f", "/tmp/never.db"];
        let start = [&["prlimit", "--memlock=65536:65536"], &USER[..], &[&place.program], &record].concat();
        refusal::expect(&start, &["RLIMIT_MEMLOCK", "65536 bytes", "ulimit -l unlimited"])?;
    }
    records(&world, &place, &LEAST, "kprobe")?;
    records(&world, &place, &NETLINK, "netlink")
}

fn records(world: &World, place: &Place, held: &Held, source: &str) -> Result<()> {
    for (way, start) in [("file", place.by_file(held)?), ("ambient", place.by_session(held))] {
        let start: Vec<&str> = start.iter().map(String::as_str).collect();
        let before = world.figures()?;
        let recorder = Recorder::start_by(&start, &["--source", source])?;
        world.client.run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_150))?;
        let what = |what: &str| format!("{source}, {way} capabilities {}: {what}", held.names.join(","));
        let keeper = privileges::child(recorder.process(), "ctwatch-keeper")?;
        check(&what("recorder"), recorder.process(), 0)?;
        check(&what("keeper"), keeper, held.kept)?;
        let recording = recorder.stop()?;
        holds(&what("the keeper ends"), fs::metadata(format!("/proc/{keeper}")).is_err())?;
        let of = format!("n.inode = {} AND port = 53", world.node.inode()?);
        equal(&what("inserted"), recording.sum("inserted", &of)?, 150)?;
        if held.enters {
            recording.agrees(world.node.inode()?, &before, &world.figures()?)?;
        }
        is_degraded(&what("other namespaces"), &recording, "CAP_SYS_ADMIN", !held.enters)?;
        world.conntrack(&["-F"])?;
    }
    Ok(())
}

/// All threads hold exactly this.
fn check(what: &str, process: u32, mask: u64) -> Result<()> {
    for thread in privileges::of_threads(process)? {
        let expected = Privileges {
            thread: thread.thread.clone(),
            permitted: mask,
            effective: mask,
            inheritable: 0,
            ambient: 0,
            no_new_privs: true,
        };
        equal(what, thread, expected)?;
    }
    Ok(())
}

fn is_degraded(what: &str, recording: &Recording, word: &str, expected: bool) -> Result<()> {
    let said = recording.said.lines();
    let mut degraded = said.filter(|line| line.starts_with("degraded:"));
    equal(what, degraded.any(|line| line.contains(word)), expected)
}

/// A copy of the program that can be given capabilities.
struct Place {
    _directory: TempDir,
    program: String,
}

impl Place {
    fn new() -> Result<Self> {
        // Not /tmp: what lies in memory keeps no capabilities on older kernels.
        let directory = TempDir::new_in("/var")?;
        let program = directory.path().join("ctwatch").to_string_lossy().into_owned();
        command::run("chmod", &["755", &directory.path().to_string_lossy()])?;
        command::run("cp", &["/usr/local/bin/ctwatch", &program])?;
        Ok(Self {
            _directory: directory,
            program,
        })
    }

    /// A user runs a program that has them.
    fn by_file(&self, held: &Held) -> Result<Vec<String>> {
        let names: Vec<String> = held.names.iter().map(|name| format!("cap_{name}")).collect();
        command::run("setcap", &[&format!("{}+ep", names.join(",")), &self.program])?;
        Ok([&ROOM, &USER[..], &[&self.program]].concat().into_iter().map(str::to_owned).collect())
    }

    /// A user who has them runs a program.
    fn by_session(&self, held: &Held) -> Vec<String> {
        let names: Vec<String> = held.names.iter().map(|name| format!("+{name}")).collect();
        let sets = ["--inh-caps=", "--ambient-caps="].map(|set| format!("{set}{}", names.join(",")));
        let user = ROOM.iter().chain(&USER).map(|&word| word.to_owned());
        user.chain(sets).chain(["ctwatch".to_owned()]).collect()
    }
}
