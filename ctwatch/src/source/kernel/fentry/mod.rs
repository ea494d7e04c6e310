//! The hooks by fentry and fexit, in a module as in the kernel itself.
//!
//! aya looks functions up in the kernel's own type information alone. So these programs, whose names begin with
//! [`PREFIX`], are taken from the same object by aya's parser and relocated by it, against the maps that aya's loader
//! made; the function is looked up here ([`target`]), and the kernel is asked directly ([`bpf`]). While a program is
//! attached, the module cannot be unloaded.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use aya::Ebpf;
use aya_obj::{Object, ParseError, ProgramSection, relocation::EbpfRelocationError};
use thiserror::Error;

use super::{
    btf::{Btf, BtfError},
    hooks::Hook,
    kallsyms::Kallsyms,
    misses, object,
};

mod bpf;
mod target;

pub use bpf::Way;
use target::Targets;

/// What the names of these programs begin with in the object; a hook has the rest.
const PREFIX: &str = "tracing_";

/// Why functions cannot be attached to by fentry and fexit.
#[derive(Debug, Error)]
pub enum Error {
    /// The compiler split the function.
    #[error(
        "cannot attach to {function} by fentry: the compiler split it in this kernel, and its callers call {symbol}, which has no type of its own"
    )]
    Split {
        /// Function.
        function: String,
        /// The form that is called.
        symbol: String,
    },
    /// Several functions have the name.
    #[error(
        "cannot attach to {function} by fentry: more than one function has that name here, and the kernel goes by the name"
    )]
    Ambiguous {
        /// Function.
        function: String,
    },
    /// The type information cannot be read.
    #[error("cannot attach by fentry: {0}")]
    Btf(#[from] BtfError),
    /// The type information has no such function.
    #[error("cannot attach to {function} by fentry: {file} does not have it")]
    NoType {
        /// Function.
        function: String,
        /// File.
        file: String,
    },
    /// The kernel has no type information of the module.
    #[error(
        "cannot attach to {module} by fentry: the kernel has no type information of this module"
    )]
    NoModule {
        /// Module.
        module: String,
    },
    /// Somebody with less than `CAP_SYS_ADMIN` asks for a module's type information.
    #[error(
        "cannot attach to {module} by fentry: for functions of a module this needs CAP_SYS_ADMIN"
    )]
    Denied {
        /// Module.
        module: String,
    },
    /// It cannot be had for another reason.
    #[error(
        "cannot attach to {module} by fentry: the kernel does not give its type information: {reason}"
    )]
    Module {
        /// Module.
        module: String,
        /// The kernel's reason.
        reason: io::Error,
    },
    /// The kernel refuses the program or its hook.
    #[error("cannot attach {program} to {function} by {way}: {reason}{log}")]
    Program {
        /// Kernel program.
        program: &'static str,
        /// Kernel function.
        function: String,
        /// `fentry` or `fexit`.
        way: Way,
        /// The kernel's reason.
        reason: io::Error,
        /// What its verifier said, in parentheses, or nothing.
        log: String,
    },
    /// The object has no such program, or its parts do not fit: a fault of this build.
    #[error("cannot take {program} out of the kernel object: {reason} (a fault of this build)")]
    Object {
        /// Kernel program.
        program: &'static str,
        /// Reason.
        reason: String,
    },
    /// The object cannot be read: likewise.
    #[error("cannot read the kernel object: {0} (a fault of this build)")]
    Parse(#[from] ParseError),
    /// Its programs do not fit the maps: likewise.
    #[error("cannot relocate the kernel object: {0} (a fault of this build)")]
    Relocation(#[from] EbpfRelocationError),
}

/// Programs that the kernel has verified, and what keeps them attached.
#[derive(Debug)]
pub(super) struct Programs {
    loaded: BTreeMap<&'static str, Loaded>,
    links: Vec<OwnedFd>,
}

#[derive(Debug)]
struct Loaded {
    fd: OwnedFd,
    way: Way,
}

impl Programs {
    /// Has the kernel verify the programs of those hooks that have one here. Before maps are taken out of `ebpf`.
    pub(super) fn load<'a>(
        ebpf: &Ebpf,
        hooks: impl Iterator<Item = &'a Hook>,
        kallsyms: &Kallsyms,
        vmlinux: &Btf,
    ) -> Result<Self, Error> {
        let object = relocated(ebpf)?;
        let mut targets = Targets::new(kallsyms, vmlinux);
        let mut loaded = BTreeMap::new();
        for hook in hooks {
            if let Some(program) = object.programs.get(&format!("{PREFIX}{}", hook.program)) {
                loaded.insert(
                    hook.program,
                    verified(&object, program, hook, &mut targets)?,
                );
            }
        }
        Ok(Self {
            loaded,
            links: Vec::new(),
        })
    }

    /// How a hook is attached, if it is one of these.
    pub(super) fn way(&self, hook: &Hook) -> Option<Way> {
        self.loaded.get(hook.program).map(|loaded| loaded.way)
    }

    /// Attaches a hook, if it is one of these; says whether it is.
    pub(super) fn attach(&mut self, hook: &Hook) -> Result<bool, Error> {
        let Some(loaded) = self.loaded.get(hook.program) else {
            return Ok(false);
        };
        let link = bpf::attach(loaded.fd.as_fd()).map_err(|reason| Error::Program {
            program: hook.program,
            function: hook.symbol.clone(),
            way: loaded.way,
            reason,
            log: String::new(),
        })?;
        self.links.push(link);
        Ok(true)
    }

    /// Runs that the kernel skipped so far, since a program would have interrupted itself; `None` where it does not tell
    /// (before Linux 5.12).
    pub(super) fn misses(&self) -> Option<u64> {
        let programs = self.loaded.values();
        programs.map(|loaded| misses::of(loaded.fd.as_fd())).sum()
    }
}

/// The object, its programs relocated against the maps in use.
fn relocated(ebpf: &Ebpf) -> Result<Object, Error> {
    let mut object = Object::parse(object::OBJECT)?;
    let maps = object.maps.clone();
    let fds = maps.iter().filter_map(|(name, map)| {
        let fd = object::fd(ebpf.map(name)?)?;
        Some((name.as_str(), fd.as_raw_fd(), map))
    });
    let text: HashSet<usize> = object
        .functions
        .keys()
        .map(|(section, _)| *section)
        .collect();
    object.relocate_maps(fds, &text)?;
    object.relocate_calls(&text)?;
    Ok(object)
}

fn verified(
    object: &Object,
    program: &aya_obj::Program,
    hook: &Hook,
    targets: &mut Targets<'_>,
) -> Result<Loaded, Error> {
    let fault = |reason: &str| Error::Object {
        program: hook.program,
        reason: reason.to_owned(),
    };
    let way = match program.section {
        ProgramSection::FEntry { .. } => Way::Fentry,
        ProgramSection::FExit { .. } => Way::Fexit,
        _ => return Err(fault("it is neither for fentry nor for fexit")),
    };
    let code = object.functions.get(&program.function_key());
    let code = code.ok_or_else(|| fault("it has no code"))?;
    let target = targets.find(hook)?;
    let fd = bpf::load(&bpf::Program {
        name: hook.program,
        instructions: &code.instructions,
        license: &program.license,
        way,
        function: target.function,
        module: target.module,
    })
    .map_err(|refused| Error::Program {
        program: hook.program,
        function: hook.symbol.clone(),
        way,
        reason: refused.reason,
        log: in_short(&refused.log),
    })?;
    Ok(Loaded { fd, way })
}

/// The last two lines of the verifier that say what it refuses, in parentheses.
fn in_short(log: &str) -> String {
    let said = |line: &&str| !line.is_empty() && !line.starts_with("processed ");
    let mut lines: Vec<&str> = log
        .lines()
        .rev()
        .map(str::trim)
        .filter(said)
        .take(2)
        .collect();
    lines.reverse();
    if lines.is_empty() {
        String::new()
    } else {
        format!(" ({})", lines.join("; "))
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn of_the_verifiers_pages_what_it_refuses_is_told() {
        let log = "0: R1=ctx() R10=fp0\n; asm\n12: (77) r1 >>= 14\nR1 pointer arithmetic prohibited\n\
                   processed 13 insns (limit 1000000)\n\n";
        assert_eq!(
            in_short(log),
            " (12: (77) r1 >>= 14; R1 pointer arithmetic prohibited)"
        );
        assert_eq!(in_short(""), "");
    }

    #[test]
    fn the_object_has_a_program_for_every_hook_that_fentry_can_take() {
        let object = Object::parse(object::OBJECT).unwrap();
        let mut tracing: Vec<_> = object
            .programs
            .keys()
            .filter_map(|name| name.strip_prefix(PREFIX))
            .collect();
        tracing.sort_unstable();
        for name in &tracing {
            assert!(object.programs.contains_key(*name), "{name} has no kprobe");
        }
        assert!(tracing.len() >= 11, "{tracing:?}");
    }
}
