//! Starts the guard: as a transient service where systemd runs, in a session of its own elsewhere.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{ApplyError, record::Stage, store::Store};
use crate::{
    model::endpoint::Netns,
    source::node::{netns::Scanner, ruleset},
};

/// The hidden command that the guard is.
pub const COMMAND: &str = "guard";
/// There while systemd is process 1 (`sd_booted`).
const SYSTEMD: &str = "/run/systemd/system";
/// How long a guard may take to begin.
const BEGIN: Duration = Duration::from_secs(10);
/// How long it may take to install: longer than all programs together.
const INSTALL: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(5);

/// Who guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A service of systemd, which starts it again when it is killed.
    Systemd,
    /// A process in a session of its own.
    Detached,
}

/// Starts a guard for the record of that id and waits until it has installed the change; yields the guard and the
/// deadline in milliseconds since the machine began.
///
/// # Errors
/// When it does not start, or what it installed was taken back.
pub fn start(store: &Store, netns: Netns, id: &str) -> Result<(Guard, u64), ApplyError> {
    // A service that does not come up leaves the record to a process that does.
    let by_systemd = under_systemd(netns, id).is_ok() && began(store, id, BEGIN)?;
    if !by_systemd {
        detached(id).map_err(|error| ApplyError::NoGuard(error.to_string()))?;
    }
    let guard = if by_systemd {
        Guard::Systemd
    } else {
        Guard::Detached
    };
    Ok((guard, installed(store, id)?))
}

/// In a service the control group is systemd's, so that the end of a session does not reach it.
fn under_systemd(netns: Netns, id: &str) -> Result<(), String> {
    if !Path::new(SYSTEMD).is_dir() {
        return Err("no systemd".to_owned());
    }
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let unit = format!("--unit=ctwatch-guard-{id}");
    let mut arguments = vec![
        "--quiet".to_owned(),
        "--collect".to_owned(),
        unit,
        "--description=takes rules of ctwatch back unless they are confirmed".to_owned(),
        // Killed, it goes on where it was.
        "--property=Restart=on-failure".to_owned(),
        "--property=RestartSec=100ms".to_owned(),
        "--property=StartLimitIntervalSec=0".to_owned(),
        "--property=OOMScoreAdjust=-1000".to_owned(),
        // It ignores SIGTERM, and rules end with the machine.
        "--property=TimeoutStopSec=1s".to_owned(),
    ];
    arguments
        .extend(namespace(netns)?.map(|path| format!("--property=NetworkNamespacePath={path}")));
    arguments.extend([
        program.display().to_string(),
        COMMAND.to_owned(),
        id.to_owned(),
    ]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    ruleset::by_systemd(&arguments).map(drop)
}

/// Where systemd finds the own namespace; within, `None` where its services run anyway.
fn namespace(netns: Netns) -> Result<Option<String>, String> {
    // Where that may not be read, only a name is sure to lead to the right one.
    let of_init = fs::read_link("/proc/1/ns/net").unwrap_or_default();
    if of_init.to_string_lossy() == format!("net:[{}]", netns.inode) {
        return Ok(None);
    }
    let namespaces = Scanner::new().scan().map_err(|error| error.to_string())?;
    let own = namespaces
        .iter()
        .find(|seen| seen.netns.inode == netns.inode);
    let name = own
        .and_then(|seen| seen.name.as_ref())
        .ok_or("a namespace without a name")?;
    Ok(Some(format!("/run/netns/{name}")))
}

/// In a session of its own, which it makes itself.
fn detached(id: &str) -> std::io::Result<()> {
    Command::new("/proc/self/exe")
        .args([COMMAND, id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

/// Whether the guard has taken the record up.
fn began(store: &Store, id: &str, patience: Duration) -> Result<bool, ApplyError> {
    let start = Instant::now();
    while start.elapsed() < patience {
        match store.read()?.filter(|record| record.id == id) {
            Some(record) if record.stage == Stage::Prepared => thread::sleep(STEP),
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Waits until all is installed.
fn installed(store: &Store, id: &str) -> Result<u64, ApplyError> {
    if !began(store, id, BEGIN)? {
        return Err(give_up(store, id, "it does not begin")?);
    }
    let start = Instant::now();
    while start.elapsed() < INSTALL {
        match store
            .read()?
            .filter(|record| record.id == id)
            .map(|record| record.stage)
        {
            Some(Stage::Pending(deadline)) => return Ok(deadline),
            Some(Stage::Confirmed) => return Ok(0),
            Some(_) if store.guard_lock()?.is_some() => {
                return Err(give_up(store, id, "it ended before its time")?);
            }
            Some(_) => thread::sleep(STEP),
            None => return Err(taken_back(store, id)),
        }
    }
    Err(ApplyError::NotInstalled(
        "the rules are still being installed (ctwatch rollback)".to_owned(),
    ))
}

/// Takes back what a guard that is no more has left, and says why.
fn give_up(store: &Store, id: &str, reason: &str) -> Result<ApplyError, ApplyError> {
    let _lock = store.lock()?;
    match store.read()?.filter(|record| record.id == id) {
        Some(record) => {
            super::install::undo(&record.change)?;
            store.pop(record)?;
            Ok(ApplyError::NoGuard(reason.to_owned()))
        }
        None => Ok(taken_back(store, id)),
    }
}

fn taken_back(store: &Store, id: &str) -> ApplyError {
    let told = store.told().filter(|(about, _)| about == id);
    ApplyError::NotInstalled(
        told.map_or_else(|| "it was taken back".to_owned(), |(_, reason)| reason),
    )
}
