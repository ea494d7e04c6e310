//! What installs a change and takes it back at its deadline: a process of its own, which no terminal, no session and no
//! signal but SIGKILL ends.

use std::{env, fs, path::Path, thread, time::Duration};

use nix::{sys::signal::SigSet, unistd::setsid};

use super::{
    ApplyError, clock, install,
    record::{Record, Stage},
    store::{Lock, Store},
};
use crate::source::node::netns;

/// How often it looks whether the change was confirmed, and whether it is time.
const STEP: Duration = Duration::from_millis(100);
/// How long it waits after a rollback that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Does all that for the record of that id, in the own network namespace. Started anew after a kill, it goes on with what
/// it finds.
///
/// # Errors
/// When the state directory or the namespace cannot be read.
pub fn run(id: &str) -> Result<(), ApplyError> {
    settle();
    let here = netns::own().map_err(|error| ApplyError::NoGuard(error.to_string()))?;
    let store = Store::of(here.netns);
    let _alive = alive(&store)?;
    if let Some(deadline) = begin(&store, id)? {
        watch(&store, id, deadline)
    } else {
        Ok(())
    }
}

/// A guard before this one may need a moment to see that it is not needed any more.
fn alive(store: &Store) -> Result<Lock, ApplyError> {
    for _ in 0..50 {
        if let Some(lock) = store.guard_lock()? {
            return Ok(lock);
        }
        thread::sleep(STEP);
    }
    Err(ApplyError::Busy)
}

/// Leaves the terminal and its session, and has nothing end it.
fn settle() {
    // Fails where this process leads a group already, as under systemd: then there is no terminal either.
    let _ = setsid();
    let _ = SigSet::all().thread_block();
    let _ = env::set_current_dir("/");
    // Memory that others need is not to be had here.
    let _ = fs::write(Path::new("/proc/self/oom_score_adj"), "-1000");
}

/// Installs, or finds what another guard left; yields the deadline where there is one to wait for.
fn begin(store: &Store, id: &str) -> Result<Option<Duration>, ApplyError> {
    let _lock = store.lock()?;
    let Some(mut record) = own(store, id)? else {
        return Ok(None);
    };
    match record.stage {
        Stage::Prepared => {
            record.stage = Stage::Installing;
            store.write(&record)?;
            if let Err(error) = install::take(&record.steps) {
                take_back(store, record, &error.to_string());
                return Ok(None);
            }
            let deadline = clock::since_boot() + Duration::from_millis(record.confirm_within_ms);
            record.stage = Stage::Pending(milliseconds(deadline));
            store.write(&record)?;
            Ok(Some(deadline))
        }
        Stage::Installing => {
            take_back(store, record, "what installed the rules was killed");
            Ok(None)
        }
        Stage::Pending(deadline) => Ok(Some(Duration::from_millis(deadline))),
        Stage::Confirmed => Ok(None),
    }
}

/// Until the change is confirmed, taken back by others, or due.
fn watch(store: &Store, id: &str, deadline: Duration) -> Result<(), ApplyError> {
    loop {
        if !own(store, id)?.is_some_and(|record| matches!(record.stage, Stage::Pending(_))) {
            return Ok(());
        }
        let now = clock::since_boot();
        if now < deadline {
            thread::sleep((deadline - now).min(STEP));
            continue;
        }
        let _lock = store.lock()?;
        if let Some(record) = own(store, id)?.filter(|it| matches!(it.stage, Stage::Pending(_))) {
            let within = Duration::from_millis(record.confirm_within_ms);
            let within = humantime::format_duration(within);
            take_back(
                store,
                record,
                &format!("it was not confirmed within {within}"),
            );
        }
        return Ok(());
    }
}

/// Tries until it is done: nobody else will.
fn take_back(store: &Store, record: Record, reason: &str) {
    while install::undo(&record.change).is_err() {
        thread::sleep(AGAIN);
    }
    let _ = store.tell(&record.id, reason);
    while store.pop(record.clone()).is_err() {
        thread::sleep(AGAIN);
    }
}

/// The record, if it still is the one of that id.
fn own(store: &Store, id: &str) -> Result<Option<Record>, ApplyError> {
    Ok(store.read()?.filter(|record| record.id == id))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
