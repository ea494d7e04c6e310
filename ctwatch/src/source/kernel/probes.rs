//! Loading and attaching the kernel side.

use std::time::{SystemTime, UNIX_EPOCH};

use aya::{Ebpf, programs::kprobe::KProbeLink};
use aya_log::EbpfLogger;
use ctwatch_common::caller::Callers;
use nix::time::{ClockId, clock_gettime};

use super::{
    attach,
    btf::Btf,
    counters::{Clock, CounterReader},
    error::AttachError,
    events::{self, Clocks, EventReader},
    fentry,
    hooks::{self, By, Hook, Shape},
    kallsyms::Kallsyms,
    layout,
    mapped::Mapped,
    misses, object,
    own_addresses::OwnAddresses,
    pairs::PairReader,
    refusals,
};
use crate::model::{
    counters::Counters,
    endpoint::{Endpoint, Netns},
    event::{Event, Wanted},
    lifetime::Lifetimes,
    node::{Address, Node},
    reading::Reading,
    recording::Backend,
};
use crate::source::privilege;

/// The attached programs. Dropping it detaches them.
#[derive(Debug)]
pub struct Probes {
    /// Keeps maps, and programs of kprobes.
    ebpf: Ebpf,
    /// Keeps kprobes attached.
    links: Vec<KProbeLink>,
    callers: Mapped<Callers>,
    /// What the programs were told of the kernel when they were loaded.
    shape: Shape,
    /// The programs that are attached by fentry and fexit, where that is the way.
    tracing: Option<fentry::Programs>,
    reader: CounterReader,
    pairs: PairReader,
    events: EventReader,
    addresses: OwnAddresses,
    logger: Option<Logger>,
    hooks: Vec<Hook>,
    on_failure: Vec<Hook>,
    on_newcomers: Option<Hook>,
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
    pub fn attach(node: &Node, wanted: &Wanted, by: By) -> Result<Self, AttachError> {
        privilege::check(&privilege::PROBES)?;
        let kallsyms = Kallsyms::read(&hooks::FUNCTIONS).map_err(AttachError::Kallsyms)?;
        let plan = hooks::plan(&kallsyms)?;
        let btf = Btf::vmlinux()?;
        let layout = layout::resolve(&btf)?;
        let packet = refusals::layout::offsets(&btf)?;
        let by_inode = node.namespaces.iter().all(|each| each.netns.cookie == 0);
        let settings = object::Settings {
            cpus: node.cpus,
            by_inode,
            max: limit(node),
            wanted: events::wanted(wanted, node.hz),
        };
        let mut ebpf = object::load(&plan, &layout, &packet, &settings)?;
        let map_bytes = object::memory(&ebpf);
        let tracing = match by {
            By::Kprobe => None,
            By::Fentry => {
                let hooks = plan
                    .hooks
                    .iter()
                    .chain(&plan.on_failure)
                    .chain(&plan.on_newcomers);
                Some(fentry::Programs::load(&ebpf, hooks, &kallsyms, &btf)?)
            }
        };
        object::fill_runs(&mut ebpf)?;
        let clock = Clock {
            hz: node.hz,
            attached_ns: monotonic_ns(),
        };
        let (reader, pairs) = object::map_counters(&ebpf, node.cpus, clock, by_inode)?;
        let clocks = Clocks {
            wall_ns: wall_ns(),
            hz: node.hz,
        };
        let mut callers = object::map_callers(&ebpf)?;
        callers.set(0, plan.callers);
        let ring = object::take(&mut ebpf, "EVENTS")?;
        let events = EventReader::new(ring, clocks, by_inode, wanted.packets);
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
            pairs,
            events,
            addresses: OwnAddresses::tell(&mut ebpf, node)?,
            ebpf,
            links: Vec::new(),
            callers,
            shape: plan.shape,
            tracing,
            logger,
            degraded,
            hooks: plan.hooks,
            on_failure: plan.on_failure,
            on_newcomers: plan.on_newcomers,
            kernel: node.kernel.clone(),
            misses_before: None,
            map_bytes,
        };
        let on_invalid = match wanted.invalid {
            true => plan.on_invalid,
            false => Vec::new(),
        };
        probes.hooks.extend(on_invalid);
        probes.attach_hooks()?;
        if wanted.packets {
            attach::tracepoint(&mut probes.ebpf, "refused_packet", "kfree_skb")?;
        }
        probes.misses_before = probes.misses();
        Ok(probes)
    }

    /// Loads all programs, then attaches those that are attached from the start. Beside fentry a function that only a
    /// kprobe can take is done without where that is refused, which is said.
    fn attach_hooks(&mut self) -> Result<(), AttachError> {
        for hook in self.on_failure.iter().chain(&self.on_newcomers) {
            load(&mut self.ebpf, self.tracing.as_ref(), hook)?;
        }
        let mut loaded = Vec::new();
        for hook in std::mem::take(&mut self.hooks) {
            match load(&mut self.ebpf, self.tracing.as_ref(), &hook) {
                Ok(()) => loaded.push(hook),
                Err(error) => loaded.extend(self.do_without(&hook, error)?),
            }
        }
        for hook in loaded {
            match self.attach_one(&hook) {
                Ok(()) => self.hooks.push(hook),
                Err(error) => {
                    let instead = self.do_without(&hook, error)?;
                    if let Some(hook) = &instead {
                        self.attach_one(hook)?;
                    }
                    self.hooks.extend(instead);
                }
            }
        }
        Ok(())
    }

    fn attach_one(&mut self, hook: &Hook) -> Result<(), AttachError> {
        if let Some(programs) = &mut self.tracing
            && programs.attach(hook)?
        {
            return Ok(());
        }
        self.links.push(attach::attach(&mut self.ebpf, hook)?);
        Ok(())
    }

    /// Attaches all hooks again, after the module was unloaded and loaded: its functions have other addresses now, and
    /// what was attached to the old ones is never called. Counters go on.
    ///
    /// # Errors
    ///
    /// [`AttachError`], also when the module is not there yet. Nothing is attached then.
    pub fn attach_again(&mut self) -> Result<(), AttachError> {
        let kallsyms = Kallsyms::read(&hooks::FUNCTIONS).map_err(AttachError::Kallsyms)?;
        let plan = hooks::plan(&kallsyms)?;
        if plan.shape != self.shape {
            return Err(AttachError::Reshaped);
        }
        self.links.clear();
        self.callers.set(0, plan.callers);
        for hook in self.hooks.clone() {
            let now = plan.find(hook.program).ok_or(AttachError::Reshaped);
            if let Err(error) = now.and_then(|now| self.attach_one(now)) {
                self.links.clear();
                return Err(error);
            }
        }
        Ok(())
    }

    /// What stands in for a hook that is refused.
    fn do_without(&mut self, hook: &Hook, error: AttachError) -> Result<Option<Hook>, AttachError> {
        if self.tracing.is_none() || way(self.tracing.as_ref(), hook).is_some() {
            return Err(error);
        }
        let program = hook.program;
        if program == "early_drop_enter" && self.on_newcomers.is_some() {
            log::info!("newcomers are told by __nf_conntrack_alloc: {error}");
            return Ok(self.on_newcomers.take());
        }
        self.degraded
            .push(format!("what {program} tells is not counted: {error}"));
        Ok(None)
    }

    /// What moved since the last call. Uses no `bpf()` call.
    pub fn read(&mut self) -> Reading {
        if let Some(Logger(logger)) = &mut self.logger {
            logger.flush();
        }
        let mut reading = self.reader.read();
        let evicted = |(_, counters): &(Endpoint, Counters)| counters.ended.evicted > 0;
        if reading.deltas.iter().any(evicted) {
            reading.evictions = self.pairs.read(|slot| self.reader.endpoint(slot));
        }
        let misses = self.misses();
        reading.losses.probe_misses = misses
            .zip(self.misses_before)
            .map(|(now, before)| now.saturating_sub(before));
        self.misses_before = misses;
        reading
    }

    /// Begins anew: what was counted so far, and events until now, are forgotten.
    pub fn begin(&mut self) {
        let now_ns = monotonic_ns();
        self.read();
        self.events.forget_before(now_ns);
    }

    /// Events that came since the last call, in order of time. Uses no `bpf()` call.
    pub fn events(&mut self) -> Vec<Event> {
        self.events
            .read(monotonic_ns(), |slot| self.reader.endpoint(slot))
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
    pub fn set_addresses(&mut self, netns: Netns, now: &[Address]) -> Result<(), AttachError> {
        self.addresses.set(netns, now)
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
            self.attach_one(hook)?;
        }
        let new = !hooks.is_empty();
        self.hooks.extend(hooks);
        Ok(new)
    }

    /// Attaches what tells all there is of a newcomer that a full table refuses; until then its zone is unknown.
    ///
    /// # Errors
    ///
    /// [`AttachError::Program`].
    pub fn watch_newcomers(&mut self) -> Result<(), AttachError> {
        if let Some(hook) = self.on_newcomers.take() {
            self.attach_one(&hook)?;
            self.hooks.push(hook);
        }
        Ok(())
    }

    /// Programs, and how and where they are attached: `fentry nf_conntrack_free`, or for a kprobe the symbol.
    #[must_use]
    pub fn places(&self) -> Vec<(String, String)> {
        let place = |hook: &Hook| match way(self.tracing.as_ref(), hook) {
            Some(way) => format!("{way} {}", hook.symbol),
            None => hook.symbol.clone(),
        };
        let hooks = self.hooks.iter();
        hooks
            .map(|hook| (hook.program.to_owned(), place(hook)))
            .collect()
    }

    /// How events are seen.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.tracing {
            Some(_) => Backend::Fentry,
            None => Backend::Kprobe,
        }
    }

    /// Hits that the kernel skipped so far. Of fentry it tells on every kernel that has it in modules.
    fn misses(&self) -> Option<u64> {
        let of_all = misses::read(&self.kernel);
        of_all.or_else(|| self.tracing.as_ref()?.misses())
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

/// `nf_conntrack_max`, or 0 where it is not known.
fn limit(node: &Node) -> u64 {
    let max = node.sysctls.get("net.nf_conntrack_max");
    max.and_then(|max| max.trim().parse().ok()).unwrap_or(0)
}

/// Unix time less the monotonic clock's.
fn wall_ns() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = wall.map_or(0, |wall| i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX));
    wall.saturating_sub_unsigned(monotonic_ns())
}

/// How a hook is attached where that is not by a kprobe.
fn way(tracing: Option<&fentry::Programs>, hook: &Hook) -> Option<fentry::Way> {
    tracing.and_then(|programs| programs.way(hook))
}

fn load(
    ebpf: &mut Ebpf,
    tracing: Option<&fentry::Programs>,
    hook: &Hook,
) -> Result<(), AttachError> {
    match way(tracing, hook) {
        // It was when the others were, for the kernel refuses all or none.
        Some(_) => Ok(()),
        None => attach::load(ebpf, hook),
    }
}

fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map(|now| (now.tv_sec() as u64) * 1_000_000_000 + now.tv_nsec() as u64)
        .unwrap_or_default()
}
