//! The same hooks by fentry and fexit, whose names begin with `tracing_`. The kernel calls these programs through a
//! trampoline at the function's beginning, in a module too, which costs a fraction of a kprobe, and skips none while
//! its CPU is in `bpf()`.
//!
//! Arguments are typed pointers to the verifier: it lets programs load members through them, and allows little else.
//! [`plain`] makes numbers of them, so that the same code serves both ways to attach.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_func_ip, bpf_get_func_ret},
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};

use core::{arch::asm, mem::MaybeUninit};

use ctwatch_common::layout::Tuple;

use crate::{
    clash, confirm,
    conn::{Conn, Look},
    count, end, globals, insert,
    memory::read,
    refuse,
};

#[fentry]
fn tracing_hash_insert(ctx: FEntryContext) -> i32 {
    insert::inserted(&ctx, Traced::first(&ctx));
    0
}

#[fentry]
fn tracing_delete(ctx: FEntryContext) -> i32 {
    let caller = Beyond(&ctx);
    end::deleting(&ctx, Traced::first(&ctx), number(&ctx, 1) as u32, &caller);
    0
}

#[fentry]
fn tracing_free(ctx: FEntryContext) -> i32 {
    end::freeing(&ctx, Traced::first(&ctx), stack_pointer(&ctx));
    0
}

#[fentry]
fn tracing_alloc(ctx: FEntryContext) -> i32 {
    let newcomer = refuse::Newcomer {
        net: plain(number(&ctx, 0)),
        zone: plain(number(&ctx, 1)),
        original: plain(number(&ctx, 2)),
        hash: number(&ctx, 5) as u32,
    };
    refuse::allocating(stack_pointer(&ctx), &newcomer);
    0
}

#[fexit]
fn tracing_early_drop_exit(ctx: FExitContext) -> i32 {
    if returned(&ctx) as u8 == 0 {
        refuse::refused(&ctx, stack_pointer(&ctx));
    }
    0
}

#[fentry]
fn tracing_clash_enter(ctx: FEntryContext) -> i32 {
    clash::resolving(&ctx, argument(&ctx, 0), argument(&ctx, 1));
    0
}

#[fexit]
fn tracing_clash_exit(ctx: FExitContext) -> i32 {
    clash::resolved(&ctx, returned(&ctx) as u32);
    0
}

#[fentry]
fn tracing_confirm_enter(ctx: FEntryContext) -> i32 {
    confirm::confirming(stack_pointer(&ctx), argument(&ctx, 0));
    0
}

#[fexit]
fn tracing_confirm_exit(ctx: FExitContext) -> i32 {
    confirm::confirmed(&ctx, at_return(&ctx), returned(&ctx) as u32);
    0
}

#[fentry]
fn tracing_check_insert_enter(ctx: FEntryContext) -> i32 {
    confirm::checking(stack_pointer(&ctx), argument(&ctx, 0));
    0
}

#[fexit]
fn tracing_check_insert_exit(ctx: FExitContext) -> i32 {
    confirm::checked(&ctx, at_return(&ctx), returned(&ctx) as u32);
    0
}

/// A `struct nf_conn` that a traced function was called with: the verifier knows its type, and lets programs load its
/// members without a helper.
#[derive(Clone, Copy)]
struct Traced {
    /// The typed pointer. No arithmetic on it but what [`load`] does.
    pointer: u64,
    address: u64,
}

impl Traced {
    /// The first argument of the function.
    #[inline(always)]
    fn first(ctx: &FEntryContext) -> Self {
        let pointer = number(ctx, 0);
        Self {
            pointer,
            address: plain(pointer),
        }
    }
}

/// Loads a member of a structure that the verifier knows the type of, at an offset that is constant to it, and so many
/// bytes further. It checks that a member lies there; a pointer that is no longer valid reads as zeros.
macro_rules! load {
    ($width:literal, $pointer:expr, $offset:expr) => {
        load!($width, moved($pointer, $offset), + 0)
    };
    ($width:literal, $pointer:expr, + $further:literal) => {{
        let value: u64;
        // SAFETY: as the verifier has it.
        unsafe {
            asm!(
                concat!("{value} = *(", $width, " *)({pointer} + ", $further, ")"),
                pointer = in(reg) $pointer,
                value = out(reg) value,
            );
        }
        value
    }};
}

/// A typed pointer, moved by an offset that is constant to the verifier.
#[inline(always)]
fn moved(pointer: u64, offset: u32) -> u64 {
    let moved: u64;
    // SAFETY: no memory is touched.
    unsafe {
        asm!(
            "{moved} = {pointer}",
            "{moved} += {offset}",
            pointer = in(reg) pointer,
            offset = in(reg) u64::from(offset),
            moved = out(reg) moved,
        );
    }
    moved
}

impl Conn for Traced {
    type Room = Tuple;

    #[inline(always)]
    fn address(self) -> u64 {
        self.address
    }

    #[inline(always)]
    fn look(self, room: &mut MaybeUninit<Tuple>) -> Option<Look<'_>> {
        let tuple = moved(self.pointer, globals::conn_original());
        let words = |low: u64, high: u64| {
            [
                low as u32,
                (low >> 32) as u32,
                high as u32,
                (high >> 32) as u32,
            ]
        };
        let net = load!("u64", self.pointer, globals::conn_ct_net());
        let net_cookie = match globals::netns_by_inode() {
            true => load!("u32", net, globals::net_inum()),
            false => load!("u64", net, globals::net_cookie()),
        };
        Some(Look {
            original: room.write(Tuple {
                src_address: words(load!("u64", tuple, + 0), load!("u64", tuple, + 8)),
                src_port: (load!("u16", tuple, + 16) as u16).to_ne_bytes(),
                l3num: load!("u16", tuple, + 18) as u16,
                dst_address: words(load!("u64", tuple, + 20), load!("u64", tuple, + 28)),
                dst_port: (load!("u16", tuple, + 36) as u16).to_ne_bytes(),
                protonum: load!("u8", tuple, + 38) as u8,
                dir: 0,
            }),
            status: load!("u64", self.pointer, globals::conn_status()),
            net,
            net_cookie,
            ext: plain(load!("u64", self.pointer, globals::conn_ext())),
        })
    }

    #[inline(always)]
    fn status(self) -> Option<u64> {
        Some(load!("u64", self.pointer, globals::conn_status()))
    }

    #[inline(always)]
    fn timeout(self) -> Option<u32> {
        Some(load!("u32", self.pointer, globals::conn_timeout()) as u32)
    }

    #[inline(always)]
    fn tcp_state(self) -> Option<u8> {
        Some(load!("u8", self.pointer, globals::tcp_state()) as u8)
    }
}

/// The `n`th argument of the function, typed if it is a pointer.
#[inline(always)]
fn number(ctx: &impl EbpfContext, n: usize) -> u64 {
    // SAFETY: the context begins with the arguments; the verifier refuses those that the function does not have.
    unsafe { ctx.as_ptr().cast::<u64>().add(n).read_volatile() }
}

/// The `n`th argument of the function as a plain number.
#[inline(always)]
fn argument(ctx: &impl EbpfContext, n: usize) -> u64 {
    plain(number(ctx, n))
}

/// What the function returned.
#[inline(always)]
fn returned(ctx: &FExitContext) -> u64 {
    let mut value = 0;
    // SAFETY: as above.
    unsafe { bpf_get_func_ret(ctx.as_ptr(), &raw mut value) };
    value
}

/// A place on the stack that the function was called on, the same at its entry and at its return: the context, which
/// lies in the trampoline's frame.
#[inline(always)]
fn stack_pointer(ctx: &impl EbpfContext) -> u64 {
    plain(ctx.as_ptr() as u64)
}

/// A pointer as the plain number that it is not to the verifier, which takes the sum for one.
#[inline(always)]
fn plain(pointer: u64) -> u64 {
    let mut number = 0;
    // SAFETY: an aligned number of this program's own.
    unsafe { count::add(&raw mut number, pointer) };
    number
}

/// A kprobe sees the stack pointer this much higher at a function's return than at its entry.
const RETURN_ADDRESS: u64 = 8;

/// [`stack_pointer`] as a kprobe would see it at the function's return.
#[inline(always)]
fn at_return(ctx: &FExitContext) -> u64 {
    stack_pointer(ctx) + RETURN_ADDRESS
}

/// The caller of `nf_ct_delete(ct, portid, report)`, whose frame lies beyond the trampoline's.
struct Beyond<'a>(&'a FEntryContext);

/// Arguments of `nf_ct_delete`, with which the context begins.
const ARGUMENTS: usize = 3;
/// Words after them that are looked at: what the trampoline saved, its return address, and the function's.
const WORDS: usize = 8;
/// Bytes from a function's address to the trampoline's return address, at most: `endbr64` and the call.
const ENTRY: u64 = 16;

impl end::Caller for Beyond<'_> {
    /// The trampoline was called from the function's beginning, so that its own return address lies just behind that,
    /// and the next word on the stack is the function's return address. What the trampoline saves before differs between
    /// kernels, so it is looked for.
    #[inline(always)]
    fn address(&self) -> u64 {
        let context = self.0.as_ptr().cast::<u64>();
        let Some(words) = read::<[u64; WORDS]>(context.wrapping_add(ARGUMENTS) as u64) else {
            return 0;
        };
        // SAFETY: the context is this program's own.
        let function = unsafe { bpf_get_func_ip(self.0.as_ptr()) };
        for pair in words.windows(2) {
            if pair[0].wrapping_sub(function) < ENTRY {
                return pair[1];
            }
        }
        0
    }

    #[inline(always)]
    fn stack_pointer(&self) -> u64 {
        stack_pointer(self.0)
    }
}
