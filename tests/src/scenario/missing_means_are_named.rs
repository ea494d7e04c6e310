//! What probes need and do not find is named: a capability, the kernel's type information, a function. No
//! file is left behind.

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::lab::{check::holds, command, kallsyms, refusal};

pub(crate) fn run() -> Result<()> {
    command::run("modprobe", &["nf_conntrack"])?;
    let dir = TempDir::new()?;
    command::run("chmod", &["777", &dir.path().to_string_lossy()])?;
    let file = dir.path().join("ctwatch.db");
    let name = file.to_string_lossy();
    let refused = |program: &[&str], words: &[&str]| {
        let record = ["record", "--source", "kprobe", "-d", "1s", "-f", &name];
        refusal::expect(&[program, &record].concat(), words)?;
        holds("no file is left", !file.exists())
    };
    refused(
        &["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "ctwatch"],
        &["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"],
    )?;
    let empty = TempDir::new()?;
    let empty = empty.path().to_str().context("an odd path")?;
    refused(
        &kallsyms::hiding("/sys/kernel/btf", empty),
        &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"],
    )?;
    for function in ["nf_conntrack_free", "nf_ct_delete", "early_drop"] {
        let doctored = kallsyms::without(function)?;
        let doctored = doctored.path().to_str().context("an odd path")?;
        let says = format!("cannot attach to {function}: this kernel has no such symbol");
        refused(&kallsyms::hiding("/proc/kallsyms", doctored), &[&says])?;
    }
    Ok(())
}
