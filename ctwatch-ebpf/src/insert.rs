//! An entry enters the table.

use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use ctwatch_common::layout::status;
use network_types::ip::IpProto;

use crate::{
    classify,
    conn::Conn,
    count::{self, add, add_one},
    entries, globals,
    memory::read,
};

/// Counts an entry that is being put into the table: by the packet path (`__nf_conntrack_confirm`), by ctnetlink, or on
/// the reply side alone after a clash.
#[inline(always)]
pub(crate) fn inserted(ctx: &impl EbpfContext, conn: impl Conn) {
    let mut room = MaybeUninit::uninit();
    let Some(look) = conn.look(&mut room) else {
        return;
    };
    let slot = classify::slot_of(ctx, look.original, look.net, look.net_cookie);
    let Some(hot) = count::hot(slot) else { return };
    let now = count::now();
    let is_tcp = look.original.protonum == IpProto::Tcp as u8;
    // SAFETY: all in one map value.
    unsafe {
        add_one(&raw mut (*hot).inserted);
        add(&raw mut (*hot).age_jiffies, now.wrapping_neg());
        // NAT is set up before the entry is confirmed (nf_nat_setup_info refuses confirmed ones).
        if look.status & (status::SRC_NAT | status::DST_NAT | status::HELPER) != 0 || look.ext != 0
        {
            count_features(hot, look.status, look.ext);
        }
    }
    entries::remember(conn.address(), slot, is_tcp, now);
}

/// Counts what NOTRACK would break.
///
/// # Safety
///
/// `hot` must point to a map value.
#[inline(always)]
unsafe fn count_features(hot: *mut ctwatch_common::slot::Hot, bits: u64, ext: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        if bits & status::SRC_NAT != 0 {
            add_one(&raw mut (*hot).snat);
        }
        if bits & status::DST_NAT != 0 {
            add_one(&raw mut (*hot).dnat);
        }
        if bits & status::HELPER != 0 || has_helper(ext) {
            add_one(&raw mut (*hot).helper);
        }
    }
}

/// Whether the entry has a helper extension.
#[inline(always)]
fn has_helper(ext: u64) -> bool {
    ext != 0 && read::<u8>(ext + u64::from(globals::ext_helper())).unwrap_or(0) != 0
}
