//! The capability sets of the calling thread, which threads and programs that it starts inherit.

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use nix::unistd::Uid;

/// Why root finds what others keep to themselves. Whoever is not root gets no file opened that it could not open
/// without ctwatch.
pub(super) const ROOTS_OWN: [Capability; 2] = [
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_DAC_READ_SEARCH,
];

/// What a recorder needs while it records: entering network namespaces that others hold, ctnetlink, changing kernel
/// programs that are attached, the addresses of functions of a module that was loaded anew, and root's right to end a
/// command that runs as another user.
pub const KEEPER: [Capability; 7] = [
    Capability::CAP_KILL,
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_SYSLOG,
];

/// Empties all sets of the calling thread but for these capabilities, of those it has.
///
/// # Errors
/// The kernel's reason.
pub fn keep_only(kept: &[Capability]) -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = kept
        .iter()
        .copied()
        .filter(|capability| permitted.contains(capability))
        .collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Opens files with the user's own rights only, until [`raise`]: the program's capabilities rest. Root's are its own.
///
/// # Errors
/// The kernel's reason.
pub fn rest() -> Result<(), CapsError> {
    if Uid::current().is_root() {
        return Ok(());
    }
    caps::clear(None, CapSet::Effective)
}

/// Makes all that is permitted effective.
///
/// # Errors
/// The kernel's reason.
pub fn raise() -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    caps::set(None, CapSet::Effective, &permitted)
}

/// Gives all up, for good. Root keeps what opens other users' directories if what it is to write to lies in one, so that
/// it `is_refused` without.
///
/// # Errors
/// The kernel's reason.
pub fn give_up(is_refused: impl Fn() -> bool) -> Result<(), CapsError> {
    if Uid::current().is_root() {
        caps::clear(None, CapSet::Effective)?;
        if is_refused() {
            return keep_only(&ROOTS_OWN);
        }
    }
    keep_only(&[])
}
