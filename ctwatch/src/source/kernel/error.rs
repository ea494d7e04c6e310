//! Why nothing is being watched.

use std::io;

use aya::EbpfError;
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
    /// /proc/kallsyms cannot be read.
    #[error("cannot read /proc/kallsyms: {0} (is /proc mounted?)")]
    Kallsyms(#[source] io::Error),
    /// The kernel refuses the object.
    #[error("cannot load the kernel programs: {0}")]
    Load(#[source] Box<EbpfError>),
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
