//! ctwatch's kernel side.
#![no_std]
#![no_main]
// A kernel program is made of calls to the kernel.
#![allow(unsafe_code)]
// aya's macros make the programs public items and give them no documentation.
#![allow(missing_docs, unreachable_pub)]

use aya_ebpf::{
    macros::{kprobe, map},
    maps::Array,
    programs::ProbeContext,
};
use aya_log_ebpf::debug;

/// How often conntrack put an entry into its table.
#[map]
static INSERTED: Array<u64> = Array::with_max_entries(1, 0);

/// Entry of `__nf_conntrack_hash_insert`: one call an entry.
#[kprobe]
pub fn insert(ctx: ProbeContext) -> u32 {
    if let Some(inserted) = INSERTED.get_ptr_mut(0) {
        // SAFETY: the map lookup returned a pointer to the array's only element.
        unsafe { *inserted += 1 };
    } else {
        debug!(&ctx, "no slot to count an insert in");
    }
    0
}

/// The verifier refuses a program that could get here.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// Unlocks the helpers that the kernel keeps for GPL programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
