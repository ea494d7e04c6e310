//! ctwatch's kernel side: where the programs attach. What they do lies in the other modules, which know nothing
//! of kprobes and tracepoints: another way to attach is another file like this one. `fentry` is one.
//!
//! Each module holds the maps that it uses. What userspace reads while programs run is mapped memory
//! (`BPF_F_MMAPABLE`), never a `bpf()` call: a kprobe is skipped while its CPU is inside one.
//!
//! | program | attaches to | tells |
//! |---|---|---|
//! | `hash_insert` | `__nf_conntrack_hash_insert` | an entry enters the table, whoever made it |
//! | `delete` | `nf_ct_delete` (or its split half) | why an entry that has time left ends |
//! | `free` | `nf_conntrack_free` | an entry ends, once |
//! | `alloc` | `__nf_conntrack_alloc` | the tuple and zone that may be refused; `drops` once a table fills up, or where no kprobe can be |
//! | `early_drop_enter` | `early_drop` | the tuple of the newcomer at a full table |
//! | `early_drop_exit` | `early_drop`, return | the table was full and nothing could be evicted |
//! | `clash_enter`, `clash_exit` | `nf_ct_resolve_clash` | an entry lost a race to its like |
//! | `confirm_enter`, `confirm_exit` | `__nf_conntrack_confirm` | inserts where `hash_insert` has no symbol; failed inserts |
//! | `check_insert_enter`, `check_insert_exit` | `nf_conntrack_hash_check_insert` | the same for ctnetlink |
//! | `log_invalid_ct` | `nf_ct_l4proto_log_invalid` | a SYN met an entry that ignores it |
//! | `invalid_ct`, `invalid` | `nf_ct_l4proto_log_invalid`, `nf_l4proto_log_invalid` | a packet was called invalid; only where asked for |
//! | `refused_packet` | raw tracepoint `kfree_skb` | the packet of a refused connection; only where asked for |
//! | `kfree_skb` | raw tracepoint `kfree_skb` | a packet without an entry was dropped by netfilter; needs no kprobes |

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![allow(unsafe_code, reason = "BPF helpers, maps and kernel memory")]
#![allow(
    clippy::needless_borrows_for_generic_args,
    reason = "a key that is lent is not copied once more onto a stack of 512 bytes"
)]

use aya_ebpf::{
    EbpfContext as _,
    macros::{kprobe, kretprobe, raw_tracepoint},
    programs::{ProbeContext, RawTracePointContext, RetProbeContext},
};

mod clash;
mod classify;
mod confirm;
mod conn;
mod count;
mod dropped;
mod end;
mod entries;
mod events;
mod fentry;
mod globals;
mod histogram;
mod ignored;
mod insert;
mod memory;
mod newcomer;
mod packet;
mod pairs;
mod refuse;
mod slots;
mod stacks;

use conn::{At, AtOnce};
use ctwatch_common::layout::ABSENT;
use memory::{argument, returned, stack_pointer};

#[kprobe]
fn hash_insert(ctx: ProbeContext) -> u32 {
    insert::inserted(&ctx, AtOnce(At(argument(&ctx, 0))));
    0
}

#[kprobe]
fn delete(ctx: ProbeContext) -> u32 {
    let caller = Called(stack_pointer(ctx.regs));
    let conn = At(argument(&ctx, 0));
    end::deleting(&ctx, conn, argument(&ctx, 1) as u32, &caller);
    0
}

/// A caller whose return address lies on top of the stack.
struct Called(u64);

impl end::Caller for Called {
    #[inline(always)]
    fn address(&self) -> u64 {
        memory::read(self.0).unwrap_or(0)
    }

    #[inline(always)]
    fn stack_pointer(&self) -> u64 {
        self.0
    }
}

#[kprobe]
fn free(ctx: ProbeContext) -> u32 {
    let conn = At(argument(&ctx, 0));
    end::freeing(&ctx, conn, stack_pointer(ctx.regs));
    0
}

#[kprobe]
fn alloc(ctx: ProbeContext) -> u32 {
    let newcomer = refuse::Newcomer {
        net: argument(&ctx, 0),
        zone: argument(&ctx, 1),
        original: argument(&ctx, 2),
        hash: argument(&ctx, 5) as u32,
    };
    refuse::allocating(stack_pointer(ctx.regs), &newcomer);
    0
}

#[kprobe]
fn early_drop_enter(ctx: ProbeContext) -> u32 {
    let places = newcomer::Places {
        registers: memory::callee_saved(ctx.regs),
        stack_pointer: stack_pointer(ctx.regs),
    };
    newcomer::searching(&places, argument(&ctx, 0), argument(&ctx, 1) as u32);
    0
}

#[kretprobe]
fn early_drop_exit(ctx: RetProbeContext) -> u32 {
    // A `bool`: the register's other bits mean nothing.
    if returned(&ctx) as u8 == 0 {
        refuse::refused(&ctx, stack_pointer(ctx.regs));
    }
    0
}

#[kprobe]
fn clash_enter(ctx: ProbeContext) -> u32 {
    clash::resolving(&ctx, argument(&ctx, 0), argument(&ctx, 1));
    0
}

#[kretprobe]
fn clash_exit(ctx: RetProbeContext) -> u32 {
    clash::resolved(&ctx, returned(&ctx) as u32);
    0
}

#[kprobe]
fn confirm_enter(ctx: ProbeContext) -> u32 {
    confirm::confirming(stack_pointer(ctx.regs), argument(&ctx, 0));
    0
}

#[kretprobe]
fn confirm_exit(ctx: RetProbeContext) -> u32 {
    confirm::confirmed(&ctx, stack_pointer(ctx.regs), returned(&ctx) as u32);
    0
}

#[kprobe]
fn check_insert_enter(ctx: ProbeContext) -> u32 {
    confirm::checking(stack_pointer(ctx.regs), argument(&ctx, 0));
    0
}

#[kretprobe]
fn check_insert_exit(ctx: RetProbeContext) -> u32 {
    confirm::checked(&ctx, stack_pointer(ctx.regs), returned(&ctx) as u32);
    0
}

#[kprobe]
fn log_invalid_ct(ctx: ProbeContext) -> u32 {
    ignored::noted(&ctx, argument(&ctx, 0), argument(&ctx, 1));
    0
}

#[kprobe]
fn invalid_ct(ctx: ProbeContext) -> u32 {
    ignored::invalid(&ctx, argument(&ctx, 0), argument(&ctx, 1));
    0
}

#[kprobe]
fn invalid(ctx: ProbeContext) -> u32 {
    ignored::invalid(&ctx, argument(&ctx, 0), 0);
    0
}

/// For the packets of refused connections, beside the probes. `kfree_skb(skb, location, …)`
#[raw_tracepoint(tracepoint = "kfree_skb")]
fn refused_packet(ctx: RawTracePointContext) -> i32 {
    if dropped::is_freed_by_hooks(ctx.arg(1)) {
        // The arguments lie on the stack of whoever frees the packet.
        dropped::packet_of_refused(ctx.arg(0), memory::number_of(ctx.as_ptr()));
    }
    0
}

/// `kfree_skb(skb, location, reason, …)`; the reason came with Linux 5.17.
#[raw_tracepoint(tracepoint = "kfree_skb")]
fn kfree_skb(ctx: RawTracePointContext) -> i32 {
    let may_be = match globals::netfilter_drop() {
        // The verifier refuses a program that touches an argument which the kernel does not have.
        ABSENT => true,
        netfilter_drop => ctx.arg::<u32>(2) == netfilter_drop,
    };
    if may_be && dropped::is_freed_by_hooks(ctx.arg(1)) {
        dropped::dropped(ctx.arg(0));
    }
    0
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// kprobe programs may call the tracing helpers only under a GPL-compatible licence.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
