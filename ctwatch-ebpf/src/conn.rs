//! Looking at a `struct nf_conn`.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use ctwatch_common::layout::{MAX_WINDOW, Tuple};

use crate::{
    count::{self, Loss},
    globals,
    memory::read,
};

/// The `struct nf_conn` that a program looks at. How its members are read depends on how the program is attached.
pub(crate) trait Conn: Copy {
    /// Room for what [`Conn::look`] reads, on a stack of 512 bytes.
    type Room;

    /// Its address; unique only while it lives.
    fn address(self) -> u64;
    /// What counting it under an endpoint needs; `None`, and counted as unreadable, when the kernel refuses.
    fn look(self, room: &mut MaybeUninit<Self::Room>) -> Option<Look<'_>>;
    /// `status`, `enum ip_conntrack_status` bits.
    fn status(self) -> Option<u64>;
    /// `timeout`, in jiffies.
    fn timeout(self) -> Option<u32>;
    /// `proto.tcp.state`.
    fn tcp_state(self) -> Option<u8>;
}

/// The members that tell an entry's endpoint and what it is.
pub(crate) struct Look<'room> {
    /// Original direction.
    pub(crate) original: &'room Tuple,
    /// `enum ip_conntrack_status` bits.
    pub(crate) status: u64,
    /// `struct net`.
    pub(crate) net: u64,
    /// `net->net_cookie`.
    pub(crate) net_cookie: u64,
    /// Extensions, or 0.
    pub(crate) ext: u64,
}

/// An entry known by its address alone.
#[derive(Clone, Copy)]
pub(crate) struct At(pub(crate) u64);

impl At {
    /// Original direction.
    #[inline(always)]
    pub(crate) fn original(self) -> Option<Tuple> {
        read_tuple(self.0 + u64::from(globals::conn_original()))
    }

    /// `struct net`.
    #[inline(always)]
    pub(crate) fn net(self) -> Option<u64> {
        self.member(globals::conn_ct_net())
    }

    /// A member, `None` and counted as unreadable when the kernel refuses.
    #[inline(always)]
    fn member<T: Copy>(self, offset: u32) -> Option<T> {
        let value = read(self.0 + u64::from(offset));
        if value.is_none() {
            count::lose(Loss::Unreadable);
        }
        value
    }
}

impl Conn for At {
    type Room = Tuple;

    #[inline(always)]
    fn address(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn look(self, room: &mut MaybeUninit<Tuple>) -> Option<Look<'_>> {
        let original = room.write(self.original()?);
        let net = self.net()?;
        Some(Look {
            original,
            status: self.status()?,
            net,
            net_cookie: net_cookie(net)?,
            ext: self.member(globals::conn_ext())?,
        })
    }

    #[inline(always)]
    fn status(self) -> Option<u64> {
        self.member(globals::conn_status())
    }

    #[inline(always)]
    fn timeout(self) -> Option<u32> {
        self.member(globals::conn_timeout())
    }

    #[inline(always)]
    fn tcp_state(self) -> Option<u8> {
        self.member(globals::tcp_state())
    }
}

/// As [`At`], for the insert that every flow pays: looked at with one copy, which takes more of the stack.
#[derive(Clone, Copy)]
pub(crate) struct AtOnce(pub(crate) At);

impl Conn for AtOnce {
    type Room = Window;

    #[inline(always)]
    fn address(self) -> u64 {
        self.0.address()
    }

    /// With one copy of the bytes between the first and the last member of interest.
    #[inline(always)]
    fn look(self, window: &mut MaybeUninit<Window>) -> Option<Look<'_>> {
        // SAFETY: the loader refuses a kernel whose window is longer than the buffer.
        let failed = unsafe {
            bpf_probe_read_kernel(
                window.as_mut_ptr().cast(),
                globals::window_len(),
                (self.0.0 + u64::from(globals::window_start())) as *const _,
            )
        };
        if failed != 0 {
            count::lose(Loss::Unreadable);
            return None;
        }
        // SAFETY: the loader places every member inside the window, aligned, and the window has been filled.
        unsafe {
            let net = *within::<u64>(window, globals::ct_net());
            Some(Look {
                original: &*within(window, globals::original()),
                status: *within(window, globals::status()),
                net,
                net_cookie: net_cookie(net)?,
                ext: *within(window, globals::ext()),
            })
        }
    }

    #[inline(always)]
    fn status(self) -> Option<u64> {
        self.0.status()
    }

    #[inline(always)]
    fn timeout(self) -> Option<u32> {
        self.0.timeout()
    }

    #[inline(always)]
    fn tcp_state(self) -> Option<u8> {
        self.0.tcp_state()
    }
}

/// Room for the bytes of a `struct nf_conn` between the first and the last member of interest, on a stack of 512 bytes.
pub(crate) type Window = [u64; MAX_WINDOW as usize / 8];

/// Where a member lies in a window.
#[inline(always)]
fn within<T>(window: &MaybeUninit<Window>, offset: u32) -> *const T {
    window
        .as_ptr()
        .cast::<u8>()
        .wrapping_add(offset as usize)
        .cast()
}

/// `nf_ct_is_expired`: the difference of two 32-bit times, as the kernel compares them.
#[inline(always)]
pub(crate) fn passed(timeout: u32, now: u64) -> bool {
    timeout.wrapping_sub(now as u32) as i32 <= 0
}

/// What tells the namespace at `net` from others: `net->net_cookie`, or its inode number where userspace cannot
/// learn cookies.
#[inline(always)]
pub(crate) fn net_cookie(net: u64) -> Option<u64> {
    let cookie = if globals::netns_by_inode() {
        read::<u32>(net + u64::from(globals::net_inum())).map(u64::from)
    } else {
        read(net + u64::from(globals::net_cookie()))
    };
    if cookie.is_none() {
        count::lose(Loss::Unreadable);
    }
    cookie
}

/// The tuple at a kernel address.
#[inline(always)]
pub(crate) fn read_tuple(address: u64) -> Option<Tuple> {
    // SAFETY: any 40 bytes are a tuple. Read as words, which the verifier's stack tracks best.
    read::<[u64; 5]>(address).map(|words| unsafe { core::mem::transmute::<[u64; 5], Tuple>(words) })
}

/// Low bits of `skb->_nfct` that are not the pointer (`NFCT_PTRMASK`).
const NFCT_INFO: u64 = 7;

/// The entry that a packet carries (`skb_nfct`).
#[inline(always)]
pub(crate) fn conntrack_of(skb: u64) -> Option<u64> {
    read::<u64>(skb + u64::from(globals::skb_nfct())).map(|nfct| nfct & !NFCT_INFO)
}
