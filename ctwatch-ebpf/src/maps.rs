//! The maps. What userspace reads while programs run is mapped memory, never a `bpf()` call: a kprobe is skipped
//! while its CPU is inside one.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, PerCpuArray, Queue},
};
use ctwatch_common::{
    endpoint::{FILTER_WORDS, KeyWords},
    limits,
    loss::Losses,
    slot::{Cold, Histogram, Hot, Owner},
};

/// Hot counters, `cpu * SLOTS + slot`; the loader multiplies the size by the possible CPUs.
#[map]
pub(crate) static HOT: Array<Hot> = Array::with_max_entries(limits::SLOTS, BPF_F_MMAPABLE);

/// Cold counters, likewise.
#[map]
pub(crate) static COLD: Array<Cold> = Array::with_max_entries(limits::SLOTS, BPF_F_MMAPABLE);

/// Who has a slot.
#[map]
pub(crate) static OWNERS: Array<Owner> = Array::with_max_entries(limits::SLOTS, BPF_F_MMAPABLE);

/// Losses, one record a CPU; the loader sets the size.
#[map]
pub(crate) static LOSSES: Array<Losses> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// State that all CPUs share.
#[map]
pub(crate) static SHARED: Array<Shared> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// One bit for each own address (`ctwatch_common::endpoint::filter_bit`): a bit that is not set proves an
/// address foreign without a look-up. Written by userspace alone.
#[map]
pub(crate) static FILTER: Array<u64> = Array::with_max_entries(FILTER_WORDS, BPF_F_MMAPABLE);

/// Histograms of lifetimes; 0 is nobody's.
#[map]
pub(crate) static HISTOGRAMS: Array<Histogram> =
    Array::with_max_entries(limits::HISTOGRAMS, BPF_F_MMAPABLE);

/// The slot of an endpoint (`EndpointKey`). Written by the kernel side alone.
#[map]
pub(crate) static KEYS: HashMap<KeyWords, u32> = HashMap::with_max_entries(limits::SLOTS, 0);

/// The endpoint that a CPU looked up last; the loader sets the size.
#[map]
pub(crate) static LAST: Array<crate::slots::Last> = Array::with_max_entries(1, 0);

/// First slots of the runs that are still free.
#[map]
pub(crate) static RUNS: Queue<u32> = Queue::with_max_entries(limits::SLOTS / limits::RUN, 0);

/// The node's own addresses (`LocalAddress`). Written by userspace when they change.
#[map]
pub(crate) static LOCAL: HashMap<KeyWords, u32> =
    HashMap::with_max_entries(limits::LOCAL_ADDRESSES, 0);

/// Cookies of the namespaces whose addresses are in [`LOCAL`].
#[map]
pub(crate) static KNOWN: HashMap<u64, u32> = HashMap::with_max_entries(limits::NAMESPACES, 0);

/// The end that began last on a CPU; the loader sets the size.
#[map]
pub(crate) static RECENT: Array<crate::end::Recent> = Array::with_max_entries(1, 0);

/// Causes of earlier ends that are still under way, by `struct nf_conn` address.
#[map]
pub(crate) static PENDING: HashMap<u64, crate::end::Pending> =
    HashMap::with_max_entries(limits::PENDING, 0);

/// When sampled entries were inserted, in jiffies, by `struct nf_conn` address.
#[map]
pub(crate) static BIRTHS: HashMap<u64, u64> = HashMap::with_max_entries(limits::BIRTHS, 0);

/// Allocations under way on a CPU.
#[map]
pub(crate) static ALLOCATIONS: PerCpuArray<crate::refuse::Allocations> =
    PerCpuArray::with_max_entries(1, 0);

/// The clash under way on a CPU: its table locks are held, so there is one.
#[map]
pub(crate) static CLASH: PerCpuArray<crate::clash::Clash> = PerCpuArray::with_max_entries(1, 0);

/// Calls of `__nf_conntrack_confirm` and `nf_conntrack_hash_check_insert` under way, by stack pointer.
#[map]
pub(crate) static CONFIRMS: HashMap<u64, crate::confirm::Confirm> =
    HashMap::with_max_entries(4096, 0);

pub(crate) use ctwatch_common::shared::Shared;
