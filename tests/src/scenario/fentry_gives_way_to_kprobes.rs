//! Where fentry cannot be had, the reason is named by whoever asks for it, and nobody else is troubled: kprobes count the
//! same, and only `-v` says why it is they.

use std::{fs, io::Write as _};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::lab::{
    check::{equal, holds},
    command, kallsyms,
    recorder::Recorder,
    refusal,
    setting::Setting,
    traffic::udp,
    world::{NODE, World},
};

const PARANOIA: &str = "/proc/sys/kernel/perf_event_paranoid";
/// A user with the capabilities that kprobes need.
const USER: [&str; 7] = [
    "setpriv",
    "--reuid=1000",
    "--regid=1000",
    "--clear-groups",
    "--inh-caps=+bpf,+perfmon,+net_admin",
    "--ambient-caps=+bpf,+perfmon,+net_admin",
    "ctwatch",
];

pub(crate) fn run() -> Result<()> {
    let world = World::create("way")?;
    let _paranoid = Setting::set(PARANOIA, 2)?;
    let asked = ["record", "--source", "fentry", "-d", "1s", "-f", "/tmp/never.db"];
    let has_btf = fs::exists("/sys/kernel/btf/nf_conntrack")?;
    let why = if has_btf { "CAP_SYS_ADMIN" } else { "/sys/kernel/btf/nf_conntrack" };
    let unlimited = ["prlimit", "--memlock=unlimited:unlimited"];
    let user = [&unlimited[..], &USER].concat();
    refusal::expect(&[&user[..], &asked].concat(), &["by fentry", why])?;
    if has_btf {
        let split = split_delete()?;
        let split = split.path().to_str().context("an odd path")?;
        let program = kallsyms::hiding("/proc/kallsyms", split);
        let words = ["cannot attach to nf_ct_delete by fentry", "nf_ct_delete.part.0"];
        refusal::expect(&[&program[..], &asked].concat(), &words)?;
    }
    let recorder = Recorder::start_by(&user, &["--source", "auto", "-v"])?;
    world.client.run(|| udp::from_ports((NODE, 53).into(), 20_001..=20_150))?;
    let recording = recorder.stop()?;
    let of = format!("n.inode = {} AND port = 53", world.node.inode()?);
    equal("inserted", recording.sum("inserted", &of)?, 150)?;
    let by_kprobe = "SELECT backend = 'kprobe' FROM recording";
    equal("by kprobes", recording.number(by_kprobe)?, 1)?;
    holds("-v says why", recording.said.contains(why))?;
    let mut degraded = recording.said.lines().filter(|line| line.starts_with("degraded:"));
    holds("it is no degradation", !degraded.any(|line| line.contains("fentry")))
}

/// A copy of /proc/kallsyms in which the compiler has split `nf_ct_delete`.
fn split_delete() -> Result<NamedTempFile> {
    command::run("modprobe", &["nf_conntrack"])?;
    let text = fs::read_to_string("/proc/kallsyms")?;
    let line = text.lines().find(|line| line.contains(" nf_ct_delete\t"));
    let line = line.context("no nf_ct_delete in /proc/kallsyms")?;
    let mut copy = NamedTempFile::new()?;
    writeln!(copy, "{text}{}", line.replace(" nf_ct_delete\t", " nf_ct_delete.part.0\t"))?;
    copy.flush()?;
    Ok(copy)
}
