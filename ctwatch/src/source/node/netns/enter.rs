//! Work inside network namespaces, on a thread of its own: the calling thread never moves.
//!
//! Inside, use `/proc/thread-self/net/…` (`/proc/net` is the main thread's) and `/proc/sys/net/…` (the thread that
//! opens it).

use std::{fs::File, io, os::unix::fs::MetadataExt, panic, thread};

use nix::sched::{CloneFlags, setns};

use super::{Error, Seen, cookie};

/// Runs `work` inside a namespace.
///
/// # Errors
/// When the namespace is gone or may not be entered.
pub fn within<T: Send>(seen: &Seen, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    on_a_thread(|| {
        if !seen.own {
            enter(seen)?;
        }
        Ok(work())
    })?
}

/// Runs `work` inside each of the namespaces in turn, all on one thread. Each has its own result.
///
/// # Errors
/// When there is no thread to be had; within, when that namespace is gone or may not be entered.
pub fn visit<T: Send>(
    namespaces: &[Seen],
    work: impl Fn(&Seen) -> T + Send + Sync,
) -> Result<Vec<Result<T, Error>>, Error> {
    on_a_thread(|| {
        let home = File::open(super::OWN).map_err(Error::Own)?;
        let mut away = false;
        let mut results = Vec::with_capacity(namespaces.len());
        for seen in namespaces {
            let entered = match (seen.own, away) {
                (true, false) => Ok(()),
                (true, true) => {
                    setns(&home, CloneFlags::CLONE_NEWNET).map_err(|errno| Error::Own(errno.into()))
                }
                (false, _) => enter(seen),
            };
            away = !seen.own;
            results.push(entered.map(|()| work(seen)));
        }
        Ok(results)
    })?
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, work)
            .map_err(Error::Thread)?;
        thread
            .join()
            .map_err(|payload| panic::resume_unwind(payload))
    })
}

/// Moves the calling thread into the namespace, by the first way in that still leads there.
fn enter(seen: &Seen) -> Result<(), Error> {
    let mut refusal = None;
    for path in &seen.paths {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refusal = Some(error);
                continue;
            }
            Err(_) => continue,
        };
        let inode = file.metadata().map(|metadata| metadata.ino()).ok();
        if inode != Some(u64::from(seen.netns.inode)) {
            continue;
        }
        match setns(&file, CloneFlags::CLONE_NEWNET) {
            Ok(()) => return check(seen),
            Err(errno) => refusal = Some(errno.into()),
        }
    }
    match refusal {
        Some(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Error::Denied(seen.to_string()))
        }
        Some(error) => Err(Error::Refused(seen.to_string(), error)),
        None => Err(Error::Gone(seen.to_string())),
    }
}

/// The inode alone is no proof: another namespace may have got it meanwhile.
fn check(seen: &Seen) -> Result<(), Error> {
    let there = cookie::current().map_err(|error| Error::Refused(seen.to_string(), error))?;
    if seen.netns.cookie == 0 || seen.netns.cookie == there {
        Ok(())
    } else {
        Err(Error::Gone(seen.to_string()))
    }
}
