//! Where packets keep what the `kfree_skb` program reads, and how this kernel marks netfilter's drops.

use ctwatch_common::layout::{ABSENT, Layout, PacketLayout};

use super::super::{
    btf::{Btf, BtfError},
    error::AttachError,
    kallsyms::Kallsyms,
};

/// The function that frees a packet whose hook returns NF_DROP.
const NF_HOOK_SLOW: &str = "nf_hook_slow";

/// The offsets that the probes know too; the others are not needed here, so it does not matter where they are.
pub(super) fn shared(btf: &Btf) -> Result<Layout, BtfError> {
    Ok(Layout {
        net_cookie: btf.offset("net", "net_cookie")?,
        net_inum: btf.offset("net", "ns.inum")?,
        skb_nfct: btf.offset("sk_buff", "_nfct")?,
        ..Layout::default()
    })
}

/// As [`offsets`], with how this kernel marks netfilter's drops.
pub(super) fn packet(btf: &Btf) -> Result<PacketLayout, AttachError> {
    let reason = btf.enumerator("skb_drop_reason", "SKB_DROP_REASON_NETFILTER_DROP");
    let netfilter_drop = reason.unwrap_or(ABSENT);
    let kallsyms = Kallsyms::read(&[NF_HOOK_SLOW]).map_err(AttachError::Kallsyms)?;
    let nf_hook_slow = pieces(&kallsyms);
    if netfilter_drop == ABSENT && nf_hook_slow == [[0; 2]; 2] {
        return Err(AttachError::Hidden {
            function: NF_HOOK_SLOW,
        });
    }
    Ok(PacketLayout {
        netfilter_drop,
        nf_hook_slow,
        ..offsets(btf)?
    })
}

/// Resolves every offset, or names the member that is missing.
pub(in super::super) fn offsets(btf: &Btf) -> Result<PacketLayout, BtfError> {
    let skb = |path| btf.offset("sk_buff", path);
    Ok(PacketLayout {
        netfilter_drop: ABSENT,
        skb_head: skb("head")?,
        skb_tail: skb("tail")?,
        skb_network_header: skb("network_header")?,
        skb_dst: skb("_skb_refdst")?,
        skb_dev: skb("dev")?,
        skb_iif: skb("skb_iif")?,
        dst_dev: btf.offset("dst_entry", "dev")?,
        dev_net: btf.offset("net_device", "nd_net.net")?,
        skb_len: skb("len")?,
        skb_data: skb("data")?,
        ..PacketLayout::default()
    })
}

/// The text of [`NF_HOOK_SLOW`]: itself and, where the compiler split it, its cold half. Zeros where it is hidden.
fn pieces(kallsyms: &Kallsyms) -> [[u64; 2]; 2] {
    let mut pieces = [[0; 2]; 2];
    let seen = kallsyms
        .forms(NF_HOOK_SLOW)
        .filter(|piece| piece.start != 0);
    for (piece, seen) in pieces.iter_mut().zip(seen) {
        *piece = [seen.start, seen.end];
    }
    pieces
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn this_kernel_has_every_member() {
        let Ok(btf) = Btf::vmlinux() else {
            eprintln!("skipped: this kernel has no /sys/kernel/btf/vmlinux");
            return;
        };
        assert!(shared(&btf).unwrap().skb_nfct > 0);
        let packet = packet(&btf).unwrap();
        assert!(packet.skb_head > packet.skb_dst);
        assert_ne!(packet.netfilter_drop, 0);
    }

    #[test]
    fn both_halves_of_a_split_function_count() {
        let text = "ffffffff81000100 T nf_hook_slow\nffffffff81000180 T nf_hook_slow_list\n\
                    ffffffff82000000 t nf_hook_slow.cold\nffffffff82000010 t other.cold\n";
        let kallsyms = Kallsyms::parse(text, &[NF_HOOK_SLOW]);
        assert_eq!(
            pieces(&kallsyms),
            [
                [0xffff_ffff_8100_0100, 0xffff_ffff_8100_0180],
                [0xffff_ffff_8200_0000, 0xffff_ffff_8200_0010],
            ]
        );
    }

    #[test]
    fn hidden_addresses_are_no_place() {
        let kallsyms = Kallsyms::parse("0000000000000000 T nf_hook_slow\n", &[NF_HOOK_SLOW]);
        assert_eq!(pieces(&kallsyms), [[0; 2]; 2]);
    }
}
