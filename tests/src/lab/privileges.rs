//! What processes may do, as /proc tells it.

use std::fs;

use anyhow::{Context, Result, bail};

/// The capability sets of one thread, as bit masks, and whether programs that it runs can gain others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Privileges {
    pub(crate) thread: String,
    pub(crate) permitted: u64,
    pub(crate) effective: u64,
    pub(crate) inheritable: u64,
    pub(crate) ambient: u64,
    pub(crate) no_new_privs: bool,
}

/// Of every thread of a process; one that ends meanwhile holds nothing.
pub(crate) fn of_threads(process: u32) -> Result<Vec<Privileges>> {
    let mut all = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        if let Ok(status) = fs::read_to_string(thread?.path().join("status")) {
            all.push(read(&status)?);
        }
    }
    match all.is_empty() {
        true => bail!("process {process} has no thread"),
        false => Ok(all),
    }
}

/// The child of this process that has this name.
pub(crate) fn child(process: u32, name: &str) -> Result<u32> {
    for directory in fs::read_dir("/proc")? {
        let number = directory?.file_name().to_string_lossy().parse::<u32>();
        let Ok(number) = number else { continue };
        let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        let is = |field: &str, value: &str| self::field(&status, field).is_ok_and(|it| it == value);
        if is("Name", name) && is("PPid", &process.to_string()) {
            return Ok(number);
        }
    }
    bail!("process {process} has no child {name}")
}

fn read(status: &str) -> Result<Privileges> {
    let set = |name: &str| Ok::<_, anyhow::Error>(u64::from_str_radix(field(status, name)?, 16)?);
    Ok(Privileges {
        thread: field(status, "Name")?.to_owned(),
        permitted: set("CapPrm")?,
        effective: set("CapEff")?,
        inheritable: set("CapInh")?,
        ambient: set("CapAmb")?,
        no_new_privs: field(status, "NoNewPrivs")? == "1",
    })
}

fn field<'a>(status: &'a str, name: &str) -> Result<&'a str> {
    let mut lines = status.lines().filter_map(|line| line.split_once(":\t"));
    let found = lines.find(|(of, _)| *of == name);
    found
        .map(|(_, value)| value.trim())
        .with_context(|| format!("a status without {name}"))
}
