//! An entry enters the table.

use aya_ebpf::EbpfContext;
use ctwatch_common::layout::status;

use crate::{
    classify,
    conn::{Conn, Window},
    count::{self, add, add_one},
    globals, histogram,
    memory::read,
};

/// Counts the entry at `address`, which is being put into the table: by the packet path
/// (`__nf_conntrack_confirm`), by ctnetlink, or on the reply side alone after a clash.
#[inline(always)]
pub(crate) fn inserted(ctx: &impl EbpfContext, address: u64) {
    let mut window = Window::uninit();
    let Some(conn) = Conn::read(address, &mut window) else {
        return;
    };
    let slot = classify::slot_of(ctx, conn.original(), conn.net(), conn.net_cookie);
    let Some(hot) = count::hot(slot) else { return };
    let now = count::now();
    // SAFETY: all in one map value.
    unsafe {
        add_one(&raw mut (*hot).inserted);
        add(&raw mut (*hot).age_jiffies, count::age(now).wrapping_neg());
        // NAT is set up before the entry is confirmed (nf_nat_setup_info refuses confirmed ones).
        if conn.status() & status::SRC_NAT != 0 {
            add_one(&raw mut (*hot).snat);
        }
        if conn.status() & status::DST_NAT != 0 {
            add_one(&raw mut (*hot).dnat);
        }
        if conn.status() & status::HELPER != 0 || has_helper(conn.ext()) {
            add_one(&raw mut (*hot).helper);
        }
    }
    histogram::born(slot, address, now);
}

/// Whether the entry has a helper extension.
#[inline(always)]
fn has_helper(ext: u64) -> bool {
    ext != 0 && read::<u8>(ext + u64::from(globals::ext_helper())).unwrap_or(0) != 0
}
