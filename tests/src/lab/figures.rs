//! What the kernel itself says of a namespace's table, read here and not by ctwatch.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

/// `nf_conntrack_count` and /proc/net/stat/nf_conntrack.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Entries, those that are being set up included.
    pub(crate) count: i64,
    stat: BTreeMap<String, i64>,
}

impl Figures {
    /// Those of the calling thread's namespace.
    pub(crate) fn read() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| path.to_owned());
        let count = read("/proc/sys/net/netfilter/nf_conntrack_count")?;
        // Not /proc/net: that is the main thread's.
        let stat = read("/proc/thread-self/net/stat/nf_conntrack")?;
        Ok(Self {
            count: count.trim().parse()?,
            stat: parse(&stat)?,
        })
    }

    /// By how much a column of the statistics grew.
    pub(crate) fn grown(&self, before: &Self, column: &str) -> Result<i64> {
        let at = |figures: &Self| {
            let value = figures.stat.get(column).copied();
            value.with_context(|| format!("/proc/net/stat/nf_conntrack has no column {column}"))
        };
        Ok(at(self)? - at(before)?)
    }
}

/// Sums over processors; `entries` is the same total on each row.
fn parse(text: &str) -> Result<BTreeMap<String, i64>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let mut sums = BTreeMap::new();
    for line in lines {
        for (name, value) in names.iter().zip(line.split_whitespace()) {
            *sums.entry((*name).to_owned()).or_default() += i64::from_str_radix(value, 16)?;
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn columns_are_summed_over_processors_by_name() {
        let text =
            "entries  found drop\n0000000a  00000001 0000000f\n0000000a  00000002 00000001\n";
        let stat = parse(text).unwrap();
        assert_eq!((stat["found"], stat["drop"]), (3, 16));
    }
}
