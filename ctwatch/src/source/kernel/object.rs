//! The kernel object, compiled into the program (`cargo xtask bpf` rebuilds it from ctwatch-ebpf), and its maps.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, MapError, Queue},
};
use ctwatch_common::{
    caller::Callers,
    event::{Event, RING_BYTES, Wanted},
    layout::{Layout, PacketLayout},
    limits::{ENTRIES, PAIRS, RUN, SLOTS},
};
use nix::unistd::{SysconfVar, sysconf};

use super::{
    counters::{Clock, CounterReader, MapFds},
    error::AttachError,
    hooks::Plan,
    mapped::Mapped,
    pairs::PairReader,
};

/// The object for this architecture.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/bpf/ctwatch.x86_64.bpf.o"
));

/// What a node is like, and what is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Possible CPUs.
    pub(super) cpus: u32,
    /// Userspace cannot learn cookies.
    pub(super) by_inode: bool,
    /// `nf_conntrack_max`; 0 where it is not known, or there is no limit.
    pub(super) max: u64,
    /// Which events.
    pub(super) wanted: Wanted,
}

/// Room for what all CPUs may send in four seconds, in bounds: a power of two of pages.
fn ring_bytes(wanted: &Wanted, cpus: u32) -> u32 {
    const FEWEST: u32 = 1 << 16;
    let events = wanted.burst.saturating_mul(40).saturating_mul(cpus);
    let bytes = events.saturating_mul(size_of::<Event>() as u32 + 8);
    bytes.clamp(FEWEST, RING_BYTES).next_power_of_two()
}

/// In how many places entries are remembered: twice as many as there can be, in bounds.
fn places(max: u64) -> u32 {
    let (fewest, most) = ENTRIES;
    let wanted = match max {
        0 => u64::from(most),
        max => max.saturating_mul(2),
    };
    let wanted = u32::try_from(wanted).unwrap_or(most);
    wanted.clamp(fewest, most).next_power_of_two()
}

/// For the probes.
pub(super) fn load(
    plan: &Plan,
    layout: &Layout,
    packet: &PacketLayout,
    settings: &Settings,
) -> Result<Ebpf, AttachError> {
    let Settings { cpus, by_inode, .. } = *settings;
    let places = places(settings.max);
    let mask = places - 1;
    let dying = u32::from(plan.shape.dying_at_delete);
    let confirm = u32::from(plan.shape.insert_at_confirm);
    let by_inode = u32::from(by_inode);
    EbpfLoader::new()
        .override_global("LAYOUT", bytemuck::bytes_of(layout), true)
        .override_global("DYING_AT_DELETE", &dying, true)
        .override_global("INSERT_AT_CONFIRM", &confirm, true)
        .override_global("NETNS_BY_INODE", &by_inode, true)
        .override_global("PACKET", bytemuck::bytes_of(packet), true)
        .override_global("WANTED", bytemuck::bytes_of(&settings.wanted), true)
        .override_global("ENTRIES_MASK", &mask, true)
        .map_max_entries("EVENTS", ring_bytes(&settings.wanted, cpus))
        .map_max_entries("ENTRIES", places)
        .map_max_entries("PAIRS", PAIRS * cpus)
        .map_max_entries("BUDGETS", cpus)
        .map_max_entries("HOT", SLOTS * cpus)
        .map_max_entries("COLD", SLOTS * cpus)
        .map_max_entries("LOSSES", cpus)
        .map_max_entries("LAST", cpus)
        .map_max_entries("REFUSED", 1)
        .load(OBJECT)
        .map_err(AttachError::load)
}

/// What the probes alone use, which is nearly all of an object's memory.
const OF_PROBES: [&str; 10] = [
    "HOT",
    "COLD",
    "OWNERS",
    "KEYS",
    "RUNS",
    "PENDING",
    "HISTOGRAMS",
    "PAIRS",
    "STACKS",
    "CONFIRMS",
];

/// The least that a ring buffer can have.
fn page() -> u32 {
    sysconf(SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|bytes| u32::try_from(bytes).ok())
        .unwrap_or(4_096)
}

/// For the refusals. The same object with the probes' maps made as small as can be: a second object would share half of
/// its sources, and be one more to build and to check.
pub(super) fn load_refusals(
    layout: &Layout,
    packet: &PacketLayout,
    by_inode: bool,
    cpus: u32,
) -> Result<Ebpf, AttachError> {
    let by_inode = u32::from(by_inode);
    let mut loader = EbpfLoader::new();
    loader.map_max_entries("EVENTS", page());
    for map in OF_PROBES {
        loader.map_max_entries(map, 1);
    }
    loader
        .override_global("LAYOUT", bytemuck::bytes_of(layout), true)
        .override_global("PACKET", bytemuck::bytes_of(packet), true)
        .override_global("NETNS_BY_INODE", &by_inode, true)
        .map_max_entries("LOSSES", cpus)
        .map_max_entries("REFUSED_SUM", cpus)
        .load(OBJECT)
        .map_err(AttachError::load)
}

/// Puts the first slot of every run into the queue, in order. Slot 0 is not handed out: it takes what finds no
/// slot.
pub(super) fn fill_runs(ebpf: &mut Ebpf) -> Result<(), AttachError> {
    let failed = |error: MapError| AttachError::Map {
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

pub(super) fn map_counters(
    ebpf: &Ebpf,
    cpus: u32,
    clock: Clock,
    by_inode: bool,
) -> Result<(CounterReader, PairReader), AttachError> {
    let fds = MapFds {
        hot: array(ebpf, "HOT")?,
        cold: array(ebpf, "COLD")?,
        owners: array(ebpf, "OWNERS")?,
        losses: array(ebpf, "LOSSES")?,
        shared: array(ebpf, "SHARED")?,
        histograms: array(ebpf, "HISTOGRAMS")?,
    };
    let failed = |name| {
        move |error: io::Error| AttachError::Map {
            name,
            reason: error.to_string(),
        }
    };
    let counters = CounterReader::new(&fds, cpus, clock, by_inode).map_err(failed("HOT"))?;
    let pairs = PairReader::new(array(ebpf, "PAIRS")?, cpus).map_err(failed("PAIRS"))?;
    Ok((counters, pairs))
}

/// Where the kernel side looks up who called `nf_ct_delete`.
pub(super) fn map_callers(ebpf: &Ebpf) -> Result<Mapped<Callers>, AttachError> {
    Mapped::new(array(ebpf, "CALLERS")?, 1).map_err(|error| AttachError::Map {
        name: "CALLERS",
        reason: error.to_string(),
    })
}

pub(super) fn array<'a>(ebpf: &'a Ebpf, name: &'static str) -> Result<BorrowedFd<'a>, AttachError> {
    match ebpf.map(name) {
        Some(Map::Array(data)) => Ok(data.fd().as_fd()),
        _ => Err(absent(name)),
    }
}

pub(super) fn take<T>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, AttachError>
where
    T: TryFrom<Map, Error = MapError>,
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

/// A map's descriptor.
pub(super) fn fd(map: &Map) -> Option<BorrowedFd<'_>> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerCpuHashMap(data)
        | Map::Queue(data)
        | Map::RingBuf(data) => Some(data.fd().as_fd()),
        _ => None,
    }
}

/// Sum of what every map's fdinfo says it takes.
pub(super) fn memory(ebpf: &Ebpf) -> u64 {
    ebpf.maps()
        .filter_map(|(_, map)| fd(map))
        .map(|fd| fd.as_raw_fd())
        .filter_map(|fd| std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok())
        .filter_map(|info| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("memlock:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}
