//! The offsets that the kernel side needs, gathered from BTF.

use ctwatch_common::layout::{ABSENT, Layout, MAX_WINDOW};

use super::btf::{Btf, BtfError};

/// Resolves every offset, or names the member that is missing.
///
/// # Errors
///
/// [`BtfError`], also when a structure is laid out in a way the kernel side cannot read.
pub fn resolve(btf: &Btf) -> Result<Layout, BtfError> {
    check_tuple(btf)?;
    let conn = |path| btf.offset("nf_conn", path);
    let original = conn("tuplehash")? + btf.offset("nf_conntrack_tuple_hash", "tuple")?;
    let status = conn("status")?;
    let ct_net = conn("ct_net")?;
    let ext = conn("ext")?;
    let window_start = [original, status, ct_net, ext]
        .into_iter()
        .min()
        .unwrap_or_default()
        & !7;
    let window_end = [original + 40, status + 8, ct_net + 8, ext + 8]
        .into_iter()
        .max()
        .unwrap_or_default();
    let window_len = (window_end - window_start).next_multiple_of(8);
    if window_len > MAX_WINDOW || (original | status | ct_net | ext) % 8 != 0 {
        return Err(unknown("nf_conn laid out as ctwatch reads it"));
    }
    Ok(Layout {
        window_start,
        window_len,
        original: original - window_start,
        status: status - window_start,
        ct_net: ct_net - window_start,
        ext: ext - window_start,
        tcp_state: conn("proto.tcp.state")?,
        conn_original: original,
        conn_status: status,
        conn_timeout: conn("timeout")?,
        conn_ct_net: ct_net,
        conn_ext: ext,
        ext_helper: btf.offset("nf_ct_ext", "offset")?
            + btf.enumerator("nf_ct_ext_id", "NF_CT_EXT_HELPER")? * extension_offset_size(btf)?,
        net_cookie: btf.offset("net", "net_cookie")?,
        net_inum: btf.offset("net", "ns.inum")?,
        net_count: net_count(btf),
        skb_nfct: btf.offset("sk_buff", "_nfct")?,
        hash_tuple: btf.offset("nf_conntrack_tuple_hash", "tuple")?,
        hash_size: btf.size("nf_conntrack_tuple_hash")?,
        conn_zone: conn("zone.id").unwrap_or(ABSENT),
    })
}

/// The namespace's reference count: `net.ns.count` from 5.11, `net.count` before, `net.ns.__ns_ref` from 6.18.
fn net_count(btf: &Btf) -> u32 {
    ["ns.count", "count", "ns.__ns_ref"]
        .into_iter()
        .find_map(|path| btf.offset("net", path).ok())
        .unwrap_or(ABSENT)
}

/// `nf_ct_ext.offset` is an array of bytes in every kernel since 5.4; helpers come first in it.
fn extension_offset_size(btf: &Btf) -> Result<u32, BtfError> {
    match btf.enumerator("nf_ct_ext_id", "NF_CT_EXT_HELPER")? {
        0 => Ok(1),
        _ => Err(unknown(
            "nf_ct_ext_id.NF_CT_EXT_HELPER as the first extension",
        )),
    }
}

/// The kernel side reads `struct nf_conntrack_tuple` as [`ctwatch_common::layout::Tuple`].
fn check_tuple(btf: &Btf) -> Result<(), BtfError> {
    let expected = [
        ("src.u3", 0),
        ("src.u.all", 16),
        ("src.l3num", 18),
        ("dst.u3", 20),
        ("dst.u.all", 36),
        ("dst.protonum", 38),
        ("dst.dir", 39),
    ];
    for (path, offset) in expected {
        if btf.offset("nf_conntrack_tuple", path)? != offset {
            return Err(unknown(&format!(
                "nf_conntrack_tuple.{path} at byte {offset}"
            )));
        }
    }
    Ok(())
}

fn unknown(what: &str) -> BtfError {
    BtfError::Missing {
        what: what.to_owned(),
    }
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
        let layout = resolve(&btf).unwrap();
        assert!(layout.window_len <= MAX_WINDOW);
        assert_ne!(
            layout.net_count, ABSENT,
            "where does this kernel count its namespaces?"
        );
    }
}
