//! A table's statistics over ctnetlink, which has them on kernels without /proc/net/stat/nf_conntrack
//! (`CONFIG_NF_CONNTRACK_PROCFS` is off), too.

use super::{
    Malformed, Reason,
    attribute::Attributes,
    socket::{self, read_messages},
};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU`
const CT_GET_STATS_CPU: u16 = 0x104;
/// `struct nfgenmsg`, before the attributes.
const NFGENMSG: usize = 4;

/// One possible CPU's counters, 32 bits wide (`ctnetlink_ct_stat_cpu_fill_info`); `None` where this kernel does not
/// send one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// `CTA_STATS_FOUND`
    pub found: Option<u32>,
    /// `CTA_STATS_INVALID`
    pub invalid: Option<u32>,
    /// `CTA_STATS_INSERT`
    pub insert: Option<u32>,
    /// `CTA_STATS_INSERT_FAILED`
    pub insert_failed: Option<u32>,
    /// `CTA_STATS_DROP`
    pub drop: Option<u32>,
    /// `CTA_STATS_EARLY_DROP`
    pub early_drop: Option<u32>,
    /// `CTA_STATS_CLASH_RESOLVE`, since 5.10.
    pub clash_resolve: Option<u32>,
    /// `CTA_STATS_CHAIN_TOOLONG`, since 5.15.
    pub chaintoolong: Option<u32>,
}

/// The statistics of the calling thread's namespace, by CPU in their order. Ask only where conntrack is loaded: the
/// kernel would load it for an answer.
///
/// # Errors
/// Without `CAP_NET_ADMIN`, and where this kernel has no ctnetlink.
pub fn read() -> Result<Vec<CpuStats>, Reason> {
    let mut cpus = Vec::new();
    let fd = socket::ask(CT_GET_STATS_CPU)?;
    socket::read(&fd, |part| read_part(part, &mut cpus))?;
    Ok(cpus)
}

fn read_part(part: &[u8], cpus: &mut Vec<CpuStats>) -> Result<bool, Reason> {
    read_messages(part, |kind, payload| {
        if kind == CT_GET_STATS_CPU {
            cpus.push(parse(payload)?);
        }
        Ok(())
    })
}

fn parse(payload: &[u8]) -> Result<CpuStats, Malformed> {
    let attributes = payload
        .get(NFGENMSG..)
        .ok_or(Malformed("a message has no netfilter header"))?;
    let mut attributes = Attributes::new(attributes);
    let mut stats = CpuStats::default();
    while let Some(attribute) = attributes.next()? {
        // enum ctattr_stats_cpu
        let counter = match attribute.kind {
            2 => &mut stats.found,
            4 => &mut stats.invalid,
            8 => &mut stats.insert,
            9 => &mut stats.insert_failed,
            10 => &mut stats.drop,
            11 => &mut stats.early_drop,
            14 => &mut stats.clash_resolve,
            15 => &mut stats.chaintoolong,
            _ => continue,
        };
        *counter = Some(attribute.be32()?);
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "bytes that the test itself made")]

    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, attributes: &[(u16, u32)]) -> Vec<u8> {
        let mut payload = vec![0; NFGENMSG];
        for (kind, value) in attributes {
            payload.extend(8_u16.to_ne_bytes());
            payload.extend(kind.to_ne_bytes());
            payload.extend(value.to_be_bytes());
        }
        let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn each_cpu_is_read_and_what_an_old_kernel_does_not_send_is_unknown() {
        let mut part = message(CT_GET_STATS_CPU, &[(10, 7), (11, 3), (14, 1)]);
        part.extend(message(CT_GET_STATS_CPU, &[(1, 99), (10, u32::MAX)]));
        let mut cpus = Vec::new();
        assert!(!read_part(&part, &mut cpus).unwrap());
        let first = CpuStats {
            drop: Some(7),
            early_drop: Some(3),
            clash_resolve: Some(1),
            ..CpuStats::default()
        };
        let second = CpuStats {
            drop: Some(u32::MAX),
            ..CpuStats::default()
        };
        assert_eq!(cpus, [first, second]);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_result(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = read_part(&bytes, &mut Vec::new());
        }
    }
}
