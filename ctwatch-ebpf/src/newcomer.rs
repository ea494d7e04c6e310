//! Whose the newcomer is that `early_drop(net, hash)` is called for. It does not know the tuple; its only caller,
//! `__nf_conntrack_alloc(net, zone, orig, repl, gfp, hash)`, still needs `orig` and `repl` when it returns, and so holds both
//! in registers that a function must preserve, or in its frame. A kprobe on `early_drop` sees these: nothing is paid while
//! the table has room, and the first refusal is told like all others.
//!
//! What is found is proven: of two tuples, one is the original direction and the other its reply, each with the other's
//! addresses. No other pair of pointers in a frame is like that.

use ctwatch_common::{
    endpoint::{AF_INET, AF_INET6},
    layout::Tuple,
};

use crate::{
    conn::read_tuple,
    memory::read,
    refuse::{self, Newcomer},
    stacks,
};

/// Where `orig` and `repl` can be.
pub(crate) struct Places {
    /// Registers that a function must preserve.
    pub(crate) registers: [u64; 6],
    /// The stack pointer at the entry of `early_drop`: the return address, and the caller's frame above it.
    pub(crate) stack_pointer: u64,
}

/// Words of the caller's frame that are looked at.
const WORDS: usize = 14;
/// Below it nothing is the kernel's, with page tables of five levels either.
const KERNEL: u64 = 0xff00_0000_0000_0000;
/// `src.l3num` and `dst.dir` in a tuple; the loader checks them.
const FAMILY: u64 = 18;
const DIRECTION: u64 = 39;

/// `early_drop(net, hash)` is called.
#[inline(always)]
pub(crate) fn searching(places: &Places, net: u64, hash: u32) {
    if stacks::is_told(places.stack_pointer, net, hash) {
        return;
    }
    let mut found = Found {
        original: 0,
        reply: 0,
    };
    for register in places.registers {
        found.consider(register);
    }
    if let Some(words) = read::<[u64; WORDS]>(places.stack_pointer + 8) {
        for word in words {
            if found.original != 0 && found.reply != 0 {
                break;
            }
            found.consider(word);
        }
    }
    let original = match is_reply_of(found.original, found.reply) {
        true => found.original,
        false => 0,
    };
    let newcomer = Newcomer {
        net,
        zone: 0,
        original,
        hash,
    };
    refuse::found(places.stack_pointer, &newcomer);
}

/// Pointers that may be `orig` and `repl`; 0 is none.
struct Found {
    original: u64,
    reply: u64,
}

impl Found {
    /// A pointer to something that looks like a tuple of a direction not found yet.
    #[inline(always)]
    fn consider(&mut self, pointer: u64) {
        if pointer < KERNEL {
            return;
        }
        let family = read::<u16>(pointer + FAMILY).unwrap_or(0);
        if family != u16::from(AF_INET) && family != u16::from(AF_INET6) {
            return;
        }
        match read::<u8>(pointer + DIRECTION).unwrap_or(u8::MAX) {
            0 if self.original == 0 => self.original = pointer,
            1 if self.reply == 0 => self.reply = pointer,
            _ => {}
        }
    }
}

/// Whether the tuple at `reply` answers the one at `original`, as far as addresses, family and protocol go. Ports are left
/// out: ICMP has none, and its types differ.
#[inline(always)]
fn is_reply_of(original: u64, reply: u64) -> bool {
    let Some(original) = read_tuple(original) else {
        return false;
    };
    let Some(reply) = read_tuple(reply) else {
        return false;
    };
    differs(&original.src_address, &reply.dst_address)
        | differs(&original.dst_address, &reply.src_address)
        | u32::from(original.l3num ^ reply.l3num)
        | u32::from(original.protonum ^ reply.protonum)
        == 0
}

#[inline(always)]
fn differs(a: &[u32; 4], b: &[u32; 4]) -> u32 {
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])
}

const _: () = assert!(core::mem::offset_of!(Tuple, l3num) as u64 == FAMILY);
const _: () = assert!(core::mem::offset_of!(Tuple, dir) as u64 == DIRECTION);
