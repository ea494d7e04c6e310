//! Capabilities for programs that this process runs.
//!
//! A program inherits ambient capabilities only, which are a thread's own: one thread takes them, starts the program
//! and ends.

use std::{io, panic, thread};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

/// Runs `work` on a thread of its own, which has these capabilities, as far as this process has them, and no others;
/// so have programs that it starts, also those of root.
///
/// # Errors
/// When there is no thread to be had, or the kernel does not let it go without the others.
pub fn lend<T: Send>(
    capabilities: &[Capability],
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("lend".to_owned())
            .spawn_scoped(scope, || {
                take(capabilities).map_err(io::Error::other)?;
                Ok(work())
            })?;
        thread
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}

fn take(capabilities: &[Capability]) -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let lent: CapsHashSet = capabilities
        .iter()
        .copied()
        .filter(|capability| permitted.contains(capability))
        .collect();
    // Root's programs get what this set holds, whatever the others say.
    if permitted.contains(&Capability::CAP_SETPCAP) {
        caps::raise(None, CapSet::Effective, Capability::CAP_SETPCAP)?;
        for other in caps::read(None, CapSet::Bounding)?.difference(&lent) {
            caps::drop(None, CapSet::Bounding, *other)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Effective, &lent)?;
    caps::set(None, CapSet::Permitted, &lent)?;
    caps::set(None, CapSet::Inheritable, &lent)?;
    for capability in lent {
        caps::raise(None, CapSet::Ambient, capability)?;
    }
    Ok(())
}
