//! Conntrack's own state: whether it is there, its counters, its memory; and IPVS's table.

use super::{field, kernel::MARKS, or_hidden, tree::Tree};
use crate::{
    model::doctor::{
        Told,
        facts::{Conntrack, Ipvs, Slab},
    },
    source::{ipvs, kernel::kallsyms::Kallsyms, table},
};

pub(super) fn read(tree: &Tree, kallsyms: Option<&Kallsyms>) -> Conntrack {
    let [.., ctnetlink] = MARKS;
    let modules = tree.text("/proc/modules");
    let has_settings = tree
        .there("/proc/sys/net/netfilter/nf_conntrack_max")
        .value()
        .is_some();
    let by_symbol = kallsyms.map(Kallsyms::conntrack_loaded);
    Conntrack {
        loaded: if has_settings { Some(true) } else { by_symbol },
        ctnetlink: kallsyms.map(|kallsyms| kallsyms.exact(ctnetlink).is_some()),
        holders: modules.value().map_or_else(Vec::new, |text| holders(text)),
        stats: stats(tree),
        slab: match tree.text("/proc/slabinfo") {
            Told::Value(text) => or_hidden(slab(&text), "/proc/slabinfo"),
            other => other.map(|_| Slab {
                objects: 0,
                size: 0,
            }),
        },
        memory: memory(tree),
    }
}

fn stats(tree: &Tree) -> Told<crate::model::table::KernelStats> {
    const STAT: &str = "/proc/net/stat/nf_conntrack";
    match tree.text(STAT) {
        Told::Value(text) => or_hidden(table::stats(&text), STAT),
        Told::Absent => Told::Absent,
        Told::Hidden(reason) => Told::Hidden(reason),
    }
}

/// `nf_conntrack 176128 3 nf_nat,nft_ct,nf_conntrack_netlink, Live 0x…`
fn holders(modules: &str) -> Vec<String> {
    let line = modules
        .lines()
        .find_map(|line| line.strip_prefix("nf_conntrack "));
    let names = line
        .and_then(|line| line.split_whitespace().nth(2))
        .unwrap_or_default();
    let names = names
        .split(',')
        .filter(|name| !name.is_empty() && *name != "-");
    names.map(str::to_owned).collect()
}

/// `nf_conntrack  1280  1280  256 …`: active objects, all, bytes each. Before 4.9 each namespace had its own.
fn slab(slabinfo: &str) -> Option<Slab> {
    let line = slabinfo
        .lines()
        .find(|line| line.starts_with("nf_conntrack "))?;
    let mut numbers = line
        .split_whitespace()
        .skip(2)
        .map_while(|word| word.parse().ok());
    Some(Slab {
        objects: numbers.next()?,
        size: numbers.next()?,
    })
}

/// MemTotal, in bytes.
pub(super) fn memory(tree: &Tree) -> Option<u64> {
    let meminfo = tree.text("/proc/meminfo");
    let kibibytes: u64 = field(meminfo.value()?, "MemTotal")?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    kibibytes.checked_mul(1024)
}

/// /proc/net/ip_vs, counted.
pub(super) fn ipvs(tree: &Tree) -> Told<Ipvs> {
    const FILE: &str = "/proc/net/ip_vs";
    match tree.text(FILE) {
        Told::Value(text) => match ipvs::read(&text) {
            Ok(table) => Told::Value(Ipvs {
                services: table.services.len(),
                backends: table
                    .services
                    .iter()
                    .map(|service| service.backends.len())
                    .sum(),
                drained: table.drained().count(),
            }),
            Err(error) => Told::Hidden(error.to_string()),
        },
        Told::Absent => Told::Absent,
        Told::Hidden(reason) => Told::Hidden(reason),
    }
}
