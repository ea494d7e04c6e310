//! Other network namespaces in which something is tracked.

use std::{fs, io};

use super::{rules, tree::Tree};
use crate::{
    model::doctor::facts::{Elsewhere, Read},
    source::node::{
        netns::{self, Seen},
        ruleset::{self, Loaded},
    },
};

/// Namespaces whose rules are listed: that takes programs and time in each.
const LISTED: usize = 8;

/// Only of the running system, whose namespaces can be entered. Those with the most entries come first.
pub(super) fn read(tree: &Tree, loaded: Loaded, unread: &mut Vec<String>) -> Vec<Elsewhere> {
    if !tree.is_live() {
        return Vec::new();
    }
    let seen = match netns::scan() {
        Ok(seen) => seen,
        Err(error) => {
            unread.push(format!("other network namespaces: {error}"));
            return Vec::new();
        }
    };
    let others: Vec<Seen> = seen.into_iter().filter(|seen| !seen.own).collect();
    let counts = netns::visit(&others, |_| count()).unwrap_or_default();
    let counts: Vec<Option<u64>> = counts
        .into_iter()
        .map(|count| count.ok().flatten())
        .collect();
    let refused = counts.iter().filter(|count| count.is_none()).count();
    if refused > 0 {
        unread.push(format!(
            "tables of {refused} other network namespaces (needs CAP_SYS_ADMIN and CAP_SYS_PTRACE: run as root)"
        ));
    }
    let counts = counts.iter().map(|count| count.unwrap_or(0));
    let mut busy: Vec<(Seen, u64)> = others.into_iter().zip(counts).collect();
    busy.retain(|(_, count)| *count > 0);
    busy.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut elsewhere = Vec::with_capacity(busy.len());
    for (seen, count) in busy {
        let is_listed = elsewhere.len() < LISTED;
        elsewhere.push(Elsewhere {
            name: seen
                .name
                .clone()
                .unwrap_or_else(|| seen.netns.inode.to_string()),
            count,
            rules: is_listed.then(|| listed(&seen, loaded, unread)).flatten(),
        });
    }
    elsewhere
}

/// Of the namespace that the calling thread is in; 0 where there is no conntrack.
fn count() -> Option<u64> {
    match fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count") {
        Ok(count) => count.trim().parse().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(0),
        Err(_) => None,
    }
}

fn listed(seen: &Seen, loaded: Loaded, unread: &mut Vec<String>) -> Option<Read> {
    let read = netns::within(seen, || {
        let mut refused = Vec::new();
        (ruleset::read_loaded(seen, loaded, &mut refused), refused)
    });
    match read {
        Ok((texts, refused)) => {
            unread.extend(
                refused
                    .into_iter()
                    .map(|reason| format!("{seen}: {reason}")),
            );
            Some(rules::parse(&texts))
        }
        Err(error) => {
            unread.push(format!("rules: {error}"));
            None
        }
    }
}
