//! Settings by name, as numbers.

use crate::model::doctor::{Facts, Told};

/// A setting's value; absent where this kernel, or this namespace, has none of that name.
pub(super) fn told<'a>(facts: &'a Facts, name: &str) -> &'a Told<String> {
    facts.settings.get(name).unwrap_or(&Told::Absent)
}

/// A setting that is a number.
pub(super) fn number(facts: &Facts, name: &str) -> Option<u64> {
    told(facts, name)
        .value()?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// A setting of conntrack: `max`, `buckets`, `tcp_loose`.
pub(super) fn conntrack(facts: &Facts, name: &str) -> Option<u64> {
    number(facts, &format!("net.netfilter.nf_conntrack_{name}"))
}
