//! Why nothing is being watched.

use std::io;

use aya::{EbpfError, maps::MapError, util::KernelVersion};
use nix::{
    libc,
    sys::resource::{RLIM_INFINITY, Resource, getrlimit},
};
use thiserror::Error;

use super::{btf::BtfError, fentry, hooks::HookError};
use crate::source::privilege;

/// Why nothing is being watched.
#[derive(Debug, Error)]
pub enum AttachError {
    /// A capability is missing.
    #[error(transparent)]
    Capability(#[from] privilege::Missing),
    /// A function cannot be hooked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A structure is not where it should be.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// Not by fentry and fexit.
    #[error(transparent)]
    Fentry(#[from] fentry::Error),
    /// The module that was loaded is another build than the one before.
    #[error(
        "cannot attach to nf_conntrack again: the module that was loaded is built differently from the one before (record anew)"
    )]
    Reshaped,
    /// /proc/kallsyms cannot be read.
    #[error("cannot read /proc/kallsyms: {0} (is /proc mounted?)")]
    Kallsyms(#[source] io::Error),
    /// The kernel refuses the object.
    #[error("cannot load the kernel programs: {0}")]
    Load(#[source] Box<EbpfError>),
    /// The kernel counts the object's memory against a limit of the user's (`bpf_map_charge_init`, before Linux 5.11).
    #[error(
        "cannot load the kernel programs: their memory counts against RLIMIT_MEMLOCK before Linux 5.11, and that is {limit} bytes (ulimit -l unlimited, LimitMEMLOCK=infinity in a service, or run it as root)"
    )]
    Memlock {
        /// The soft limit in bytes.
        limit: u64,
    },
    /// The kernel refuses a program or its hook.
    #[error(
        "cannot attach {program} to {symbol}: {reason} (does this kernel have CONFIG_KPROBES, and is it not locked down? cat /sys/kernel/security/lockdown)"
    )]
    Program {
        /// Kernel program.
        program: &'static str,
        /// Kernel function.
        symbol: String,
        /// The kernel's reason.
        reason: String,
    },
    /// The kernel refuses hooks to whoever has not `CAP_SYS_ADMIN`.
    #[error(
        "cannot attach {program} to {symbol}: kernel.perf_event_paranoid is {level}, and this kernel then wants CAP_SYS_ADMIN beside CAP_PERFMON (grant it too, or sysctl kernel.perf_event_paranoid=2)"
    )]
    Paranoid {
        /// Kernel program.
        program: &'static str,
        /// Kernel function.
        symbol: String,
        /// The setting.
        level: i32,
    },
    /// The kernel refuses the program of a tracepoint, or the tracepoint.
    #[error(
        "cannot attach to tracepoint {tracepoint}: {reason} (is the kernel locked down? cat /sys/kernel/security/lockdown)"
    )]
    Tracepoint {
        /// Raw tracepoint.
        tracepoint: &'static str,
        /// The kernel's reason.
        reason: String,
    },
    /// Netfilter's drops cannot be told from others.
    #[error(
        "cannot tell what netfilter drops: this kernel gives no drop reason (Linux 5.18 does), and /proc/kallsyms hides where {function} is (kernel.kptr_restrict; CAP_SYSLOG shows it)"
    )]
    Hidden {
        /// Kernel function.
        function: &'static str,
    },
    /// A map is missing, cannot be mapped or written: a fault of the object or of the kernel.
    #[error("cannot set up map {name}: {reason}")]
    Map {
        /// Map.
        name: &'static str,
        /// Reason.
        reason: String,
    },
}

impl AttachError {
    /// Why the object was refused.
    pub(super) fn load(error: EbpfError) -> Self {
        let is_old = KernelVersion::current().is_ok_and(|it| it < KernelVersion::new(5, 11, 0));
        match getrlimit(Resource::RLIMIT_MEMLOCK) {
            Ok((limit, _)) if is_old && limit != RLIM_INFINITY && no_map_allowed(&error) => {
                Self::Memlock { limit }
            }
            _ => Self::Load(Box::new(error)),
        }
    }
}

fn no_map_allowed(error: &EbpfError) -> bool {
    matches!(error, EbpfError::MapError(MapError::CreateError { io_error, .. })
        if io_error.raw_os_error() == Some(libc::EPERM))
}
