//! One look at a `struct nf_conn`.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use ctwatch_common::layout::{MAX_WINDOW, Tuple};

use crate::{
    count::{self, Loss},
    globals,
    memory::read,
};

/// Room for the bytes of a `struct nf_conn` between the first and the last member of interest. The caller
/// keeps it on its stack, of which a program has 512 bytes, so that nothing is copied twice.
pub(crate) type Window = MaybeUninit<[u64; MAX_WINDOW as usize / 8]>;

/// The members that inserts and ends look at.
pub(crate) struct Conn<'window> {
    /// Address of the `struct nf_conn`; unique only while it lives.
    pub(crate) address: u64,
    /// `net->net_cookie`.
    pub(crate) net_cookie: u64,
    window: &'window Window,
}

impl<'window> Conn<'window> {
    /// Reads the entry at `address` with one copy; `None`, and counted as unreadable, when the kernel refuses.
    #[inline(always)]
    pub(crate) fn read(address: u64, window: &'window mut Window) -> Option<Self> {
        // SAFETY: the loader refuses a kernel whose window is longer than the buffer.
        let failed = unsafe {
            bpf_probe_read_kernel(
                window.as_mut_ptr().cast(),
                globals::window_len(),
                (address + u64::from(globals::window_start())) as *const _,
            )
        };
        if failed != 0 {
            count::lose(Loss::Unreadable);
            return None;
        }
        let conn = Self {
            address,
            net_cookie: 0,
            window,
        };
        let net_cookie = net_cookie(conn.net())?;
        Some(Self { net_cookie, ..conn })
    }

    /// Original direction.
    #[inline(always)]
    pub(crate) fn original(&self) -> &'window Tuple {
        // SAFETY: see `at`; a tuple is plain bytes.
        unsafe { &*self.at(globals::original()) }
    }

    /// `enum ip_conntrack_status` bits.
    #[inline(always)]
    pub(crate) fn status(&self) -> u64 {
        // SAFETY: see `at`.
        unsafe { *self.at(globals::status()) }
    }

    /// `timeout`, in jiffies.
    #[inline(always)]
    pub(crate) fn timeout(&self) -> u32 {
        // SAFETY: see `at`.
        unsafe { *self.at(globals::timeout()) }
    }

    /// `struct net`.
    #[inline(always)]
    pub(crate) fn net(&self) -> u64 {
        // SAFETY: see `at`.
        unsafe { *self.at(globals::ct_net()) }
    }

    /// Extensions, or 0.
    #[inline(always)]
    pub(crate) fn ext(&self) -> u64 {
        // SAFETY: see `at`.
        unsafe { *self.at(globals::ext()) }
    }

    /// Whether the timeout has passed (`nf_ct_is_expired`).
    #[inline(always)]
    pub(crate) fn expired(&self, now: u64) -> bool {
        passed(self.timeout(), now)
    }

    /// Where a member lies. The loader places every member inside the window, aligned, and the window has been
    /// filled.
    #[inline(always)]
    fn at<T>(&self, offset: u32) -> *const T {
        self.window
            .as_ptr()
            .cast::<u8>()
            .wrapping_add(offset as usize)
            .cast()
    }
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
