//! Who is evicted for whom: entries of one endpoint for newcomers of another.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use ctwatch_common::{limits, slot::Pair};

use crate::count::{self, Loss, add_one};

/// Each CPU's own records, `cpu * PAIRS + record`; the loader multiplies the size by the possible CPUs. A CPU's pairs are
/// found by open addressing, so no CPU waits for another and userspace reads memory.
#[map]
static PAIRS: Array<Pair> = Array::with_max_entries(limits::PAIRS, BPF_F_MMAPABLE);

/// Records that are looked at for a pair.
const TRIES: u32 = 8;

/// Counts an eviction. Without room it is told as evicted all the same, under its endpoint.
#[inline(always)]
pub(crate) fn count(victim: u32, newcomer: u32) {
    let first = (victim.wrapping_mul(0x9E37_79B1) ^ newcomer.wrapping_mul(0x85EB_CA77)) >> 16;
    let own = count::cpu() * limits::PAIRS;
    for n in 0..TRIES {
        let Some(pair) = PAIRS.get_ptr_mut(own + (first + n) % limits::PAIRS) else {
            return;
        };
        // SAFETY: a map value that only this CPU writes. kprobe programs do not nest on a CPU; a traced function that
        // interrupts this one right between look and claim would have its first eviction counted under this pair.
        unsafe {
            let evicted = core::ptr::read_volatile(&raw const (*pair).evicted);
            if evicted == 0 {
                core::ptr::write_volatile(&raw mut (*pair).victim, victim);
                core::ptr::write_volatile(&raw mut (*pair).newcomer, newcomer);
            } else if (*pair).victim != victim || (*pair).newcomer != newcomer {
                continue;
            }
            add_one(&raw mut (*pair).evicted);
        }
        return;
    }
    count::lose(Loss::Pairs);
}
