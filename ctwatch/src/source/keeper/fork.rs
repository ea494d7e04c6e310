//! The process that keeps.
#![allow(unsafe_code, reason = "fork")]

use std::{ffi::CStr, fs::OpenOptions, io, panic};

use nix::{
    sys::{
        prctl,
        signal::{SigHandler, Signal, signal},
    },
    unistd::{self, ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout},
};

/// As `ps -o comm` shows it.
const NAME: &CStr = c"ctwatch-keeper";

/// Makes a copy of this process, of its calling thread only. The copy gets `None`, and must [`run`].
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: only this thread goes on in the new process, and it takes no lock that another thread of the old one may
    // have held: it uses memory, which libc keeps usable across a fork, and system calls, until `run` ends it.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Does the copy's work and ends it, without a return to what the original was doing.
pub(super) fn run(work: impl FnOnce() -> io::Result<()>) -> ! {
    let done = panic::catch_unwind(panic::AssertUnwindSafe(|| settle().and_then(|()| work())));
    let status = i32::from(!matches!(done, Ok(Ok(()))));
    // SAFETY: ends the process at once. What the original still needs, such as the pipes of its signal handlers, is left
    // as it is.
    unsafe { libc::_exit(status) }
}

/// Signals that end a recording are for the recorder: the keeper ends after it. It reads and prints nothing.
fn settle() -> io::Result<()> {
    for ending in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: ignoring needs no handler.
        unsafe { signal(ending, SigHandler::SigIgn) }?;
    }
    let nowhere = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    dup2_stdin(&nowhere)?;
    dup2_stdout(&nowhere)?;
    dup2_stderr(&nowhere)?;
    prctl::set_name(NAME)?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    Ok(())
}
