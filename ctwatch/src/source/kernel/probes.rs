//! Loading and attaching the kernel side.

use std::{collections::HashMap as StdHashMap, io, net::IpAddr, os::fd::BorrowedFd};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{HashMap, Map, MapData, Queue},
    programs::{KProbe, ProgramError},
};
use aya_log::EbpfLogger;
use ctwatch_common::{
    endpoint::{AF_INET, AF_INET6, LocalAddress, filter_bit},
    layout::Layout,
    limits::{RUN, SLOTS},
};
use nix::time::{ClockId, clock_gettime};
use thiserror::Error;

use super::{
    btf::{Btf, BtfError},
    capability,
    counters::{Clock, CounterReader, MapFds, Reading},
    hooks::{self, Hook, HookError, Plan},
    kallsyms::Kallsyms,
    layout, misses,
    object::OBJECT,
};
use crate::model::{
    endpoint::{Endpoint, Netns},
    lifetime::Lifetimes,
    node::{Address, Node},
};

/// Why nothing is being watched.
#[derive(Debug, Error)]
pub enum AttachError {
    /// A capability is missing.
    #[error(transparent)]
    Capability(#[from] capability::Missing),
    /// A function cannot be hooked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A structure is not where it should be.
    #[error(transparent)]
    Btf(#[from] BtfError),
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
    /// A map is missing, cannot be mapped or written: a fault of the object or of the kernel.
    #[error("cannot set up map {name}: {reason}")]
    Map {
        /// Map.
        name: &'static str,
        /// Reason.
        reason: String,
    },
}

/// The attached programs. Dropping it detaches them.
#[derive(Debug)]
pub struct Probes {
    /// Keeps programs and links.
    ebpf: Ebpf,
    reader: CounterReader,
    local: HashMap<MapData, [u8; 32], u32>,
    known: HashMap<MapData, u64, u32>,
    addresses: StdHashMap<Netns, Vec<Address>>,
    logger: Option<Logger>,
    hooks: Vec<Hook>,
    on_failure: Vec<Hook>,
    degraded: Vec<String>,
    kernel: String,
    misses_before: Option<u64>,
    map_bytes: u64,
}

/// The kernel side's warnings; aya-log's own type has no `Debug`.
struct Logger(EbpfLogger<&'static dyn log::Log>);

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logger")
    }
}

impl Probes {
    /// Checks capabilities, looks the kernel up, loads the programs, tells them the node's addresses and
    /// attaches them.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names the capability, symbol, member, program or map.
    pub fn attach(node: &Node) -> Result<Self, AttachError> {
        capability::check()?;
        let kallsyms = Kallsyms::read(&hooks::FUNCTIONS).map_err(AttachError::Kallsyms)?;
        let plan = hooks::plan(&kallsyms)?;
        let layout = layout::resolve(&Btf::vmlinux()?)?;
        let by_inode = node.namespaces.iter().all(|each| each.netns.cookie == 0);
        let mut ebpf = load(&plan, &layout, by_inode, node.cpus)?;
        let map_bytes = memory(&ebpf);
        fill_runs(&mut ebpf)?;
        let clock = Clock {
            hz: node.hz,
            attached_ns: monotonic_ns(),
        };
        let reader = map_counters(&ebpf, node.cpus, clock, by_inode)?;
        let logger = EbpfLogger::init(&mut ebpf).ok().map(Logger);
        let mut degraded = plan.degraded;
        if by_inode {
            degraded.push(
                "this kernel does not tell namespace cookies (Linux 5.14 does): a namespace that gets the inode \
                 number of one that went away is counted together with it"
                    .to_owned(),
            );
        }
        let mut probes = Self {
            reader,
            local: take(&mut ebpf, "LOCAL")?,
            known: take(&mut ebpf, "KNOWN")?,
            ebpf,
            addresses: StdHashMap::new(),
            logger,
            degraded,
            hooks: plan.hooks,
            on_failure: plan.on_failure,
            kernel: node.kernel.clone(),
            misses_before: None,
            map_bytes,
        };
        for namespace in &node.namespaces {
            let own: Vec<_> = node
                .addresses
                .iter()
                .filter(|address| address.netns == namespace.netns)
                .cloned()
                .collect();
            if !own.is_empty() {
                probes.set_addresses(namespace.netns, own)?;
            }
        }
        for hook in probes.hooks.iter().chain(&probes.on_failure) {
            load_program(&mut probes.ebpf, hook)?;
        }
        for hook in &probes.hooks {
            attach(&mut probes.ebpf, hook)?;
        }
        probes.misses_before = misses::read(&probes.kernel);
        Ok(probes)
    }

    /// What moved since the last call. Uses no `bpf()` call.
    pub fn read(&mut self) -> Reading {
        if let Some(Logger(logger)) = &mut self.logger {
            logger.flush();
        }
        let mut reading = self.reader.read();
        let misses = misses::read(&self.kernel);
        reading.losses.probe_misses = misses
            .zip(self.misses_before)
            .map(|(now, before)| now.saturating_sub(before));
        self.misses_before = misses;
        reading
    }

    /// Lifetimes of sampled entries since the start. Uses no `bpf()` call.
    #[must_use]
    pub fn lifetimes(&self) -> Vec<(Endpoint, Lifetimes)> {
        self.reader.lifetimes()
    }

    /// Replaces the own addresses of a namespace. Addresses that went away are forgotten by the kernel side,
    /// so what they still have in the table ends as forwarded.
    ///
    /// # Errors
    ///
    /// [`AttachError::Map`] when a map is full or refuses.
    pub fn set_addresses(&mut self, netns: Netns, now: Vec<Address>) -> Result<(), AttachError> {
        let before = self.addresses.get(&netns).map_or(&[][..], Vec::as_slice);
        if before == now {
            return Ok(());
        }
        let failed = |name| {
            move |error: aya::maps::MapError| AttachError::Map {
                name,
                reason: error.to_string(),
            }
        };
        for gone in before.iter().filter(|address| !now.contains(address)) {
            let key = local_key(netns, gone.address);
            self.local
                .remove(bytemuck::cast_ref(&key))
                .map_err(failed("LOCAL"))?;
        }
        for address in &now {
            let key = local_key(netns, address.address);
            let (word, bit) = filter_bit(key.net_cookie, &key.address);
            self.reader.widen_filter(word, bit);
            self.local
                .insert(bytemuck::cast::<_, [u8; 32]>(key), 1, 0)
                .map_err(failed("LOCAL"))?;
        }
        self.known
            .insert(kernel_cookie(netns), 1, 0)
            .map_err(failed("KNOWN"))?;
        self.addresses.insert(netns, now);
        Ok(())
    }

    /// Attaches what tells whose the failed inserts are; says whether that is new. Until then only clashes are
    /// attributed.
    ///
    /// # Errors
    ///
    /// [`AttachError::Program`].
    pub fn watch_failures(&mut self) -> Result<bool, AttachError> {
        let hooks = std::mem::take(&mut self.on_failure);
        for hook in &hooks {
            attach(&mut self.ebpf, hook)?;
        }
        let new = !hooks.is_empty();
        self.hooks.extend(hooks);
        Ok(new)
    }

    /// Programs and the symbols they sit on.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// What this kernel's symbols make impossible.
    #[must_use]
    pub fn degraded(&self) -> &[String] {
        &self.degraded
    }

    /// Memory of all maps together, in bytes, as the kernel accounts it.
    #[must_use]
    pub fn map_bytes(&self) -> u64 {
        self.map_bytes
    }
}

fn load(plan: &Plan, layout: &Layout, by_inode: bool, cpus: u32) -> Result<Ebpf, AttachError> {
    let dying = u32::from(plan.dying_at_delete);
    let confirm = u32::from(plan.insert_at_confirm);
    let by_inode = u32::from(by_inode);
    EbpfLoader::new()
        .override_global("LAYOUT", bytemuck::bytes_of(layout), true)
        .override_global("CALLERS", bytemuck::bytes_of(&plan.callers), true)
        .override_global("DYING_AT_DELETE", &dying, true)
        .override_global("INSERT_AT_CONFIRM", &confirm, true)
        .override_global("NETNS_BY_INODE", &by_inode, true)
        .map_max_entries("HOT", SLOTS * cpus)
        .map_max_entries("COLD", SLOTS * cpus)
        .map_max_entries("LOSSES", cpus)
        .map_max_entries("RECENT", cpus)
        .map_max_entries("LAST", cpus)
        .load(OBJECT)
        .map_err(|error| AttachError::Load(Box::new(error)))
}

/// Puts the first slot of every run into the queue, in order. Slot 0 is not handed out: it takes what finds no
/// slot.
fn fill_runs(ebpf: &mut Ebpf) -> Result<(), AttachError> {
    let failed = |error: aya::maps::MapError| AttachError::Map {
        name: "RUNS",
        reason: error.to_string(),
    };
    let map = ebpf.map_mut("RUNS").ok_or_else(|| absent("RUNS"))?;
    let mut runs: Queue<&mut MapData, u32> = Queue::try_from(map).map_err(failed)?;
    for first in (RUN..SLOTS).step_by(RUN as usize) {
        runs.push(first, 0).map_err(failed)?;
    }
    Ok(())
}

fn map_counters(
    ebpf: &Ebpf,
    cpus: u32,
    clock: Clock,
    by_inode: bool,
) -> Result<CounterReader, AttachError> {
    let fds = MapFds {
        hot: array(ebpf, "HOT")?,
        cold: array(ebpf, "COLD")?,
        owners: array(ebpf, "OWNERS")?,
        losses: array(ebpf, "LOSSES")?,
        shared: array(ebpf, "SHARED")?,
        filter: array(ebpf, "FILTER")?,
        histograms: array(ebpf, "HISTOGRAMS")?,
    };
    CounterReader::new(&fds, cpus, clock, by_inode).map_err(|error| AttachError::Map {
        name: "HOT",
        reason: error.to_string(),
    })
}

fn array<'a>(ebpf: &'a Ebpf, name: &'static str) -> Result<BorrowedFd<'a>, AttachError> {
    use std::os::fd::AsFd as _;
    match ebpf.map(name) {
        Some(Map::Array(data)) => Ok(data.fd().as_fd()),
        _ => Err(absent(name)),
    }
}

fn take<T>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, AttachError>
where
    T: TryFrom<Map, Error = aya::maps::MapError>,
{
    let map = ebpf.take_map(name).ok_or_else(|| absent(name))?;
    T::try_from(map).map_err(|error| AttachError::Map {
        name,
        reason: error.to_string(),
    })
}

fn absent(name: &'static str) -> AttachError {
    AttachError::Map {
        name,
        reason: "the kernel object has no such map (a fault of this build)".to_owned(),
    }
}

/// Has the kernel verify a program. All are loaded before the first is attached, so that attaching is quick.
fn load_program(ebpf: &mut Ebpf, hook: &Hook) -> Result<(), AttachError> {
    let program = program(ebpf, hook)?;
    program.load().map_err(|error| refused(hook, &error))
}

fn attach(ebpf: &mut Ebpf, hook: &Hook) -> Result<(), AttachError> {
    let program = program(ebpf, hook)?;
    program
        .attach(&hook.symbol, 0)
        .map(drop)
        .map_err(|error| refused(hook, &error))
}

fn program<'a>(ebpf: &'a mut Ebpf, hook: &Hook) -> Result<&'a mut KProbe, AttachError> {
    ebpf.program_mut(hook.program)
        .ok_or(ProgramError::UnexpectedProgramType)
        .and_then(TryInto::try_into)
        .map_err(|error| refused(hook, &error))
}

fn refused(hook: &Hook, error: &ProgramError) -> AttachError {
    AttachError::Program {
        program: hook.program,
        symbol: hook.symbol.clone(),
        reason: chain(error),
    }
}

/// An error with its causes in one line, without the verifier's pages.
fn chain(error: &dyn std::error::Error) -> String {
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

/// What the kernel side tells the namespace by: the cookie, or the inode where cookies are not told.
fn kernel_cookie(netns: Netns) -> u64 {
    match netns.cookie {
        0 => u64::from(netns.inode),
        cookie => cookie,
    }
}

fn local_key(netns: Netns, address: IpAddr) -> LocalAddress {
    let mut key = LocalAddress {
        net_cookie: kernel_cookie(netns),
        ..LocalAddress::default()
    };
    match address {
        IpAddr::V4(v4) => {
            key.family = AF_INET;
            key.address[0] = u32::from_ne_bytes(v4.octets());
        }
        IpAddr::V6(v6) => {
            key.family = AF_INET6;
            key.address = bytemuck::cast(v6.octets());
        }
    }
    key
}

/// Sum of what every map's fdinfo says it takes.
fn memory(ebpf: &Ebpf) -> u64 {
    use std::os::fd::{AsFd as _, AsRawFd as _};
    ebpf.maps()
        .filter_map(|(_, map)| match map {
            Map::Array(data)
            | Map::HashMap(data)
            | Map::PerCpuArray(data)
            | Map::Queue(data)
            | Map::RingBuf(data) => Some(data.fd().as_fd().as_raw_fd()),
            _ => None,
        })
        .filter_map(|fd| std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok())
        .filter_map(|info| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("memlock:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}

fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map(|now| (now.tv_sec() as u64) * 1_000_000_000 + now.tv_nsec() as u64)
        .unwrap_or_default()
}
