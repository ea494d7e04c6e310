//! Attaching programs to kernel functions.

use std::{fs, io};

use aya::{
    Ebpf,
    programs::{KProbe, ProgramError, RawTracePoint, kprobe::KProbeLink},
    sys::SyscallError,
};

use super::{error::AttachError, hooks::Hook};

/// Has the kernel verify a program. All are loaded before the first is attached, so that attaching is quick.
pub(super) fn load(ebpf: &mut Ebpf, hook: &Hook) -> Result<(), AttachError> {
    let program = program(ebpf, hook)?;
    program.load().map_err(|error| refused(hook, &error))
}

/// Attaches a program, until what is returned is dropped.
pub(super) fn attach(ebpf: &mut Ebpf, hook: &Hook) -> Result<KProbeLink, AttachError> {
    let program = program(ebpf, hook)?;
    let attached = program.attach(&hook.symbol, 0);
    attached
        .and_then(|link| program.take_link(link))
        .map_err(|error| refused(hook, &error))
}

/// Attaches a program to a raw tracepoint.
pub(super) fn tracepoint(
    ebpf: &mut Ebpf,
    program: &'static str,
    tracepoint: &str,
) -> Result<(), AttachError> {
    let hook = Hook {
        program,
        symbol: tracepoint.to_owned(),
    };
    let attached = ebpf
        .program_mut(program)
        .ok_or(ProgramError::UnexpectedProgramType)
        .and_then(TryInto::try_into)
        .and_then(|program: &mut RawTracePoint| {
            program.load()?;
            program.attach(tracepoint)
        });
    attached.map(drop).map_err(|error| refused(&hook, &error))
}

fn program<'a>(ebpf: &'a mut Ebpf, hook: &Hook) -> Result<&'a mut KProbe, AttachError> {
    ebpf.program_mut(hook.program)
        .ok_or(ProgramError::UnexpectedProgramType)
        .and_then(TryInto::try_into)
        .map_err(|error| refused(hook, &error))
}

/// Debian's kernels know levels of `kernel.perf_event_paranoid` above those of others (2), and are shipped with 3.
const ORDINARY_PARANOIA: i32 = 2;

fn refused(hook: &Hook, error: &ProgramError) -> AttachError {
    if is_denied(error)
        && let Some(level) = paranoia().filter(|level| *level > ORDINARY_PARANOIA)
    {
        return AttachError::Paranoid {
            program: hook.program,
            symbol: hook.symbol.clone(),
            level,
        };
    }
    AttachError::Program {
        program: hook.program,
        symbol: hook.symbol.clone(),
        reason: chain(error),
    }
}

/// Whether it is `perf_event_open` that is refused for want of a capability.
fn is_denied(error: &ProgramError) -> bool {
    matches!(
        error,
        ProgramError::SyscallError(SyscallError { call: "perf_event_open", io_error })
            if io_error.kind() == io::ErrorKind::PermissionDenied
    )
}

fn paranoia() -> Option<i32> {
    let level = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?;
    level.trim().parse().ok()
}

/// An error with its causes in one line, without the verifier's pages.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    let line = text.lines().next().unwrap_or_default();
    line.to_owned()
}
