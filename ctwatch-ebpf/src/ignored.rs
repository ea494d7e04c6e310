//! Packets that a tracker called invalid, or let pass without heeding them. The functions that say so are called for
//! such packets alone, whether anything is logged or not.

use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use ctwatch_common::{event::reason, limits::UNATTRIBUTED, tcp};
use network_types::ip::IpProto;

use crate::{
    classify,
    conn::{At, Conn, conntrack_of, net_cookie},
    count::{self, add_one},
    events::{self, Subject},
    packet,
};

/// TCP flags of a packet that opens a connection, and those that it must not have.
const SYN: u8 = 0x02;
const NOT_OPENING: u8 = 0x10 | 0x04 | 0x01;

/// `nf_ct_l4proto_log_invalid(skb, ct, …)` is called: a SYN that meets an entry which is not quite closed is ignored
/// (`TCP_CONNTRACK_IGNORE`), and its sender's port was reused too soon.
#[inline(always)]
pub(crate) fn noted(ctx: &impl EbpfContext, skb: u64, ct: u64) {
    if ct == 0 {
        return;
    }
    let conn = At(ct);
    let mut room = MaybeUninit::uninit();
    let Some(look) = conn.look(&mut room) else {
        return;
    };
    if look.original.protonum != IpProto::Tcp as u8 {
        return;
    }
    let state = conn.tcp_state().unwrap_or(0);
    if state != tcp::FIN_WAIT && state != tcp::CLOSE_WAIT && state != tcp::LAST_ACK {
        return;
    }
    let flags = packet::tcp_flags(skb).unwrap_or(0);
    if flags & SYN == 0 || flags & NOT_OPENING != 0 {
        return;
    }
    let slot = classify::slot_of(ctx, look.original, look.net, look.net_cookie);
    if let Some(cold) = count::cold(slot) {
        // SAFETY: in a map value.
        unsafe { add_one(&raw mut (*cold).syn_ignored) };
        count::cold_moved_alone();
    }
}

/// One of the functions is called for the packet at `skb`, of which `ct` is the entry, if it has one.
#[inline(always)]
pub(crate) fn invalid(ctx: &impl EbpfContext, skb: u64, ct: u64) {
    if !events::are_wanted() {
        return;
    }
    let Ok(net) = packet::netns_of(skb) else {
        return;
    };
    let Ok(tuple) = packet::tuple_of(skb) else {
        return;
    };
    let Some(cookie) = net_cookie(net) else {
        return;
    };
    let conn = match ct {
        0 => conntrack_of(skb).unwrap_or(0),
        ct => ct,
    };
    let (status, state) = match conn {
        0 => (0, 0),
        conn => (
            At(conn).status().unwrap_or(0),
            At(conn).tcp_state().unwrap_or(0),
        ),
    };
    let is_tcp = tuple.protonum == IpProto::Tcp as u8;
    let subject = Subject {
        net,
        net_cookie: cookie,
        slot: classify::slot_of(ctx, &tuple, net, cookie),
        other_slot: UNATTRIBUTED,
        status: status as u32,
        tcp_state: if is_tcp { u32::from(state) } else { 0 },
        ..Subject::NONE
    };
    let time_ns = events::send(reason::INVALID, &subject, &tuple, 0);
    events::send_packet(skb, time_ns);
}
