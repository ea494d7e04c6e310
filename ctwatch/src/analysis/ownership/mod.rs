//! Who gave a setting the value that it has, and where to change it.

use crate::model::doctor::{Facts, facts::Assignment};

pub(super) mod kube_proxy;

const MAX: &str = "net.netfilter.nf_conntrack_max";

/// Who it was, and where to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// In words, with the evidence.
    pub(super) who: String,
    /// Where to change it.
    pub(super) how: String,
}

/// Who gave a setting the value that it has; `None` when nobody left a trace.
pub(super) fn owner(facts: &Facts, name: &str, value: u64) -> Option<Owner> {
    kube_proxy::owner(facts, name, value).or_else(|| {
        let line = last(facts, name).filter(|line| line.value.parse() == Ok(value))?;
        let at = format!("{}:{}", line.file, line.line);
        Some(Owner {
            how: format!("change {at}, then sysctl --system"),
            who: at,
        })
    })
}

/// The assignment that stands when all files were applied.
pub(super) fn last<'a>(facts: &'a Facts, name: &str) -> Option<&'a Assignment> {
    let mut lines = facts.assignments.iter().rev();
    lines.find(|line| alias(&line.name) == alias(name))
}

/// Two names of one variable.
pub(super) fn alias(name: &str) -> &str {
    if name == "net.nf_conntrack_max" {
        MAX
    } else {
        name
    }
}
